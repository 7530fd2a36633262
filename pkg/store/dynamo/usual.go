package dynamo

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// usual are the options of a client for which nobody has set anything.
var usual = sync.OnceValue(func() dynamodb.Options {
	return dynamodb.New(dynamodb.Options{HTTPClient: http.DefaultClient, Retryer: aws.NopRetryer{}}).Options() // which costs less than their defaults
})

// asUsual reports whether options leave the SDK's way to sign and send as it is by default, but for what a wire keeps:
// region, endpoint, credentials, HTTP client, retries and checksums. TestEachOptionIsJudged holds that none is forgotten.
func asUsual(o dynamodb.Options) bool {
	//lint:ignore SA1019 it may be set all the same, and goes before the newer one.
	old := o.EndpointResolver
	switch {
	case o.Region == "" || strings.Contains(o.Region, "fips"): // the latter is another region's name
	case o.Credentials == nil || o.HTTPClient == nil || o.RetryMode == aws.RetryModeAdaptive || !sendsAtOnce(o.Retryer):
	case len(o.APIOptions) > 0 || o.ClientLogMode != 0 || intercepted(o) || o.AppID != "":
	case o.EnableAcceptEncodingGzip || o.DisableClockSkewCorrection:
	case old != nil || !same(o.EndpointResolverV2, usual().EndpointResolverV2) || o.EndpointOptions != (dynamodb.EndpointResolverOptions{}):
	case o.EndpointDiscovery.EnableEndpointDiscovery == aws.EndpointDiscoveryEnabled || o.AccountIDEndpointMode == aws.AccountIDEndpointModeRequired:
	case !same(o.TracerProvider, usual().TracerProvider) || !same(o.MeterProvider, usual().MeterProvider):
	case !usuallySigned(o):
	default:
		return true
	}
	return false
}

// sendsAtOnce reports whether a retryer is the SDK's standard one, or none, whatever is around it that is made of its
// RetryerV2. Others, as the adaptive one, may hold a first attempt back.
func sendsAtOnce(r aws.Retryer) bool {
	for {
		switch r.(type) {
		case *retry.Standard, aws.NopRetryer:
			return true
		}
		around := reflect.Indirect(reflect.ValueOf(r))
		if around.Kind() != reflect.Struct {
			return false
		}
		within := around.FieldByName("RetryerV2")
		if !within.IsValid() {
			return false
		}
		var is bool
		if r, is = within.Interface().(aws.Retryer); !is {
			return false
		}
	}
}

func intercepted(o dynamodb.Options) bool {
	i := reflect.ValueOf(o.Interceptors)
	for n := range i.NumField() {
		if i.Field(n).Len() > 0 {
			return true
		}
	}
	return false
}

// same reports whether two values are of the same type, which of the SDK's own only the SDK makes.
func same(a, b any) bool { return a != nil && reflect.TypeOf(a) == reflect.TypeOf(b) }

// usuallySigned reports whether requests are signed by the SDK's signer as it is made by default.
func usuallySigned(o dynamodb.Options) bool {
	signer, is := o.HTTPSignerV4.(*v4.Signer)
	if !is || signer == nil || len(o.AuthSchemePreference) > 0 || !same(o.AuthSchemeResolver, usual().AuthSchemeResolver) {
		return false
	}
	options := reflect.ValueOf(signer).Elem().FieldByName("options")
	if options.Kind() != reflect.Struct || switchedOn(options) {
		return false
	}
	if len(o.AuthSchemes) != 1 || !same(o.AuthSchemes[0], usual().AuthSchemes[0]) || o.AuthSchemes[0].SchemeID() != usual().AuthSchemes[0].SchemeID() {
		return false
	}
	adapter := o.AuthSchemes[0].Signer()
	if !same(adapter, usual().AuthSchemes[0].Signer()) {
		return false
	}
	v := reflect.ValueOf(adapter).Elem() // of a type that is the SDK's own
	inner := v.FieldByName("Signer")
	return inner.IsValid() && inner.Interface() == any(signer) && !switchedOn(v)
}

// switchedOn reports whether a struct has a bool that is true.
func switchedOn(v reflect.Value) bool {
	for n := range v.NumField() {
		if f := v.Field(n); f.Kind() == reflect.Bool && f.Bool() {
			return true
		}
	}
	return false
}

// ofNoAccount has no credentials of an account that is known: the SDK asks its own endpoint.
type ofNoAccount struct{ aws.CredentialsProvider }

var errAccount = errors.New("the account has an endpoint of its own")

// Retrieve implements aws.CredentialsProvider.
func (p ofNoAccount) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := p.CredentialsProvider.Retrieve(ctx)
	if err == nil && c.AccountID != "" {
		err = errAccount
	}
	return c, err
}
