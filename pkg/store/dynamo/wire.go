package dynamo

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"github.com/dozeio/doze/internal/awswire"
)

// wire is a client that sends what the Store needs most by itself, which costs a quarter of what the SDK's layers do,
// and reads the answer. Whatever is not a plain success it leaves to the SDK's client, which is given the answer that
// has come, or the error: so what is an error, how it reads, whether and when to try again and what a program has set
// for that are the SDK's. Where a program has set anything of the SDK's own way otherwise, every call goes that way.
type wire struct {
	*dynamodb.Client
	client  *awswire.Client // nil: all is left to the SDK
	url     url.URL
	http    dynamodb.HTTPClient
	retryer aws.RetryerV2
	unsure  bool // checksums are not to be looked at
}

// newWire returns a wire that sends by itself if the client's options leave the SDK's own way as it is by default.
func newWire(client *dynamodb.Client) *wire {
	w := &wire{Client: client}
	o := client.Options()
	retryer, ok := o.Retryer.(aws.RetryerV2)
	if !ok || !asUsual(o) {
		return w
	}
	endpoint, err := o.EndpointResolverV2.ResolveEndpoint(context.Background(), dynamodb.EndpointParameters{Region: &o.Region, Endpoint: o.BaseEndpoint}.WithDefaults())
	switch {
	case err != nil, endpoint.URI.Host == "", endpoint.URI.RawQuery != "": // the SDK says what is wrong
		return w
	case len(endpoint.Headers) > 0 || !reflect.DeepEqual(endpoint.Properties, smithy.Properties{}): // such as a region to sign for
		return w
	}
	w.url, w.http, w.retryer, w.unsure = endpoint.URI, o.HTTPClient, retryer, o.DisableValidateResponseChecksum
	if w.url.Path == "" {
		w.url.Path = "/"
	}
	w.client = awswire.New("dynamodb", o.Region)
	w.client.Credentials, w.client.HTTP = o.Credentials, o.HTTPClient
	if o.BaseEndpoint == nil && o.AccountIDEndpointMode != aws.AccountIDEndpointModeDisabled {
		w.client.Credentials = ofNoAccount{o.Credentials}
	}
	return w
}

// GetItem is the SDK's, and so are the others.
func (w *wire) GetItem(ctx context.Context, in *dynamodb.GetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return send(ctx, w, "GetItem", w.Client.GetItem, in, encodeGet, decodeGet, options)
}

func (w *wire) PutItem(ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return send(ctx, w, "PutItem", w.Client.PutItem, in, encodePut, decodePut, options)
}

func (w *wire) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return send(ctx, w, "UpdateItem", w.Client.UpdateItem, in, encodeUpdate, decodeUpdate, options)
}

func (w *wire) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, options ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return send(ctx, w, "DeleteItem", w.Client.DeleteItem, in, encodeDelete, decodeDelete, options)
}

func (w *wire) Query(ctx context.Context, in *dynamodb.QueryInput, options ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return send(ctx, w, "Query", w.Client.Query, in, encodeQuery, decodeQuery, options)
}

// send makes one attempt. Options are the SDK's concern: they say what becomes of an attempt that fails.
func send[In, Out any](
	ctx context.Context, w *wire, operation string, sdk func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), in *In,
	encode func(*In) ([]byte, bool), decode func([]byte) (*Out, bool), options []func(*dynamodb.Options),
) (*Out, error) {
	if w.client == nil || ctx.Err() != nil {
		return sdk(ctx, in, options...)
	}
	body, ok := encode(in)
	if !ok {
		return sdk(ctx, in, options...)
	}
	answer, err := w.client.Send(ctx, awswire.Request{Method: http.MethodPost, URL: w.url, Body: body, Header: http.Header{
		"Content-Type":    {"application/x-amz-json-1.0"},
		"X-Amz-Target":    {"DynamoDB_20120810." + operation},
		"Accept-Encoding": {"identity"},
		"User-Agent":      {"doze"},
	}})
	if err == nil && answer.Status == http.StatusOK && w.sound(answer) {
		if out, ok := decode(answer.Body); ok {
			if release, err := w.retryer.GetAttemptToken(ctx); err == nil { // the SDK's retries live on successes
				_ = release(nil)
			}
			return out, nil
		}
	}
	if unsent := (*awswire.CredentialsError)(nil); errors.As(err, &unsent) {
		return sdk(ctx, in, options...)
	}
	b := &begun{answer: answer, err: err, then: w.http}
	options = append(options[:len(options):len(options)], func(o *dynamodb.Options) { o.HTTPClient = b })
	out, err := sdk(ctx, in, options...)
	if err != nil && !b.told && answer.Status != 0 { // ctx has ended meanwhile, but what became of the request is known
		return sdk(context.WithoutCancel(ctx), in, append(options, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })...)
	}
	return out, err
}

// sound reports whether an answer is what the server has sent, as far as it says.
func (w *wire) sound(answer awswire.Response) bool {
	if answer.Header.Get("Content-Encoding") != "" {
		return false
	}
	sum := answer.Header.Get("X-Amz-Crc32")
	return sum == "" || w.unsure || sum == strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer.Body)), 10)
}

// begun is the HTTP client of a call whose first attempt has been made. The SDK makes one request after the other.
type begun struct {
	answer awswire.Response
	err    error
	told   bool
	then   dynamodb.HTTPClient
}

// Do implements dynamodb.HTTPClient.
func (b *begun) Do(r *http.Request) (*http.Response, error) {
	if b.told {
		return b.then.Do(r)
	}
	b.told = true
	if r.Body != nil {
		r.Body.Close()
	}
	if b.answer.Status == 0 {
		return nil, b.err
	}
	body := io.Reader(bytes.NewReader(b.answer.Body))
	if b.err != nil {
		body = io.MultiReader(body, broken{b.err})
	}
	return &http.Response{
		Status: http.StatusText(b.answer.Status), StatusCode: b.answer.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: b.answer.Header, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}, nil
}

// broken is the end of an answer that broke off.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
