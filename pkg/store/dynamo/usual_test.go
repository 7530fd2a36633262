package dynamo

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/metrics"
	"github.com/aws/smithy-go/middleware"
	"github.com/aws/smithy-go/tracing"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A program's own parts, each like the SDK's.
type (
	ownTracer   struct{ tracing.NopTracerProvider }
	ownMeter    struct{ metrics.NopMeterProvider }
	ownResolver struct{ dynamodb.EndpointResolverV2 }
	ownAuth     struct{ dynamodb.AuthSchemeResolver }
	ownScheme   struct{ smithyhttp.AuthScheme }
	ownSigner   struct{ *v4.Signer }
	ownHTTP     struct{ aws.HTTPClient }
	ownLog      struct{ logging.Nop }
	ownRetries  struct{ aws.Retryer }
	ownTokens   struct {
		dynamodb.IdempotencyTokenProvider
	}
)

func (ownAuth) ResolveAuthSchemes(context.Context, *dynamodb.AuthResolverParameters) ([]*smithyauth.Option, error) {
	return nil, nil
}

func (ownResolver) ResolveEndpoint(context.Context, dynamodb.EndpointParameters) (smithyendpoints.Endpoint, error) {
	return smithyendpoints.Endpoint{}, nil
}

// leftToTheSDK are settings of options for which every call is the SDK's.
var leftToTheSDK = map[string][]func(*dynamodb.Options){
	"APIOptions": {func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(*middleware.Stack) error { return nil })
	}},
	"AccountIDEndpointMode":      {func(o *dynamodb.Options) { o.AccountIDEndpointMode = aws.AccountIDEndpointModeRequired }},
	"AppID":                      {func(o *dynamodb.Options) { o.AppID = "mine" }},
	"AuthSchemePreference":       {func(o *dynamodb.Options) { o.AuthSchemePreference = []string{"sigv4a"} }},
	"AuthSchemeResolver":         {func(o *dynamodb.Options) { o.AuthSchemeResolver = ownAuth{} }},
	"BaseEndpoint":               {func(o *dynamodb.Options) { o.BaseEndpoint = aws.String("127.0.0.1") }, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String("http://h/?q") }},
	"ClientLogMode":              {func(o *dynamodb.Options) { o.ClientLogMode = aws.LogRequest }, func(o *dynamodb.Options) { o.ClientLogMode = aws.LogRetries }},
	"Credentials":                {func(o *dynamodb.Options) { o.Credentials = nil }, func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} }},
	"DisableClockSkewCorrection": {func(o *dynamodb.Options) { o.DisableClockSkewCorrection = true }},
	"EnableAcceptEncodingGzip":   {func(o *dynamodb.Options) { o.EnableAcceptEncodingGzip = true }},
	"EndpointDiscovery":          {func(o *dynamodb.Options) { o.EndpointDiscovery.EnableEndpointDiscovery = aws.EndpointDiscoveryEnabled }},
	"EndpointOptions": {func(o *dynamodb.Options) { o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled },
		func(o *dynamodb.Options) { o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled }, func(o *dynamodb.Options) { o.EndpointOptions.DisableHTTPS = true }},
	//lint:ignore SA1019 it may be set all the same.
	"EndpointResolver":   {func(o *dynamodb.Options) { o.EndpointResolver = dynamodb.EndpointResolverFromURL("http://h") }},
	"EndpointResolverV2": {func(o *dynamodb.Options) { o.EndpointResolverV2 = ownResolver{} }},
	"HTTPSignerV4": {
		func(o *dynamodb.Options) { o.HTTPSignerV4 = ownSigner{v4.NewSigner()} },
		func(o *dynamodb.Options) {
			o.HTTPSignerV4 = v4.NewSigner(func(s *v4.SignerOptions) { s.DisableURIPathEscaping = true })
		},
		func(o *dynamodb.Options) {
			o.HTTPSignerV4 = v4.NewSigner(func(s *v4.SignerOptions) { s.LogSigning = true })
		},
	},
	"MeterProvider": {func(o *dynamodb.Options) { o.MeterProvider = ownMeter{} }},
	"Region":        {func(o *dynamodb.Options) { o.Region = "" }, func(o *dynamodb.Options) { o.Region = "fips-us-east-1" }, func(o *dynamodb.Options) { o.Region, o.BaseEndpoint = "local", nil }},
	"RetryMode":     {func(o *dynamodb.Options) { o.RetryMode = aws.RetryModeAdaptive }},
	"Retryer": {func(o *dynamodb.Options) { o.Retryer = retry.NewAdaptiveMode() },
		func(o *dynamodb.Options) { o.Retryer, o.RetryMaxAttempts = retry.NewAdaptiveMode(), 9 },
		func(o *dynamodb.Options) { o.Retryer = ownRetries{} }},
	"TracerProvider": {func(o *dynamodb.Options) { o.TracerProvider = ownTracer{} }},

	// Made of others, so that they can only be set when the client has been made once.
	"AuthSchemes": {func(o *dynamodb.Options) {
		made := dynamodb.New(*o).Options()
		*o, o.AuthSchemes = made, []smithyhttp.AuthScheme{ownScheme{made.AuthSchemes[0]}}
	}, func(o *dynamodb.Options) {
		*o = dynamodb.New(*o).Options()
		o.HTTPSignerV4 = v4.NewSigner() // and the scheme's is another
	}, func(o *dynamodb.Options) { o.AuthSchemes = []smithyhttp.AuthScheme{} }},
}

// keptByAWire are options that a wire keeps, or that have no say in what it does: with each of these settings it sends by
// itself.
var keptByAWire = map[string]func(*dynamodb.Options){
	"BaseEndpoint": func(o *dynamodb.Options) { o.BaseEndpoint = aws.String("https://h:8000/table") },
	"Region":       func(o *dynamodb.Options) { o.Region = "eu-west-1" },
	"Credentials": func(o *dynamodb.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil })
	},
	"AccountIDEndpointMode":           func(o *dynamodb.Options) { o.AccountIDEndpointMode = aws.AccountIDEndpointModePreferred },
	"DisableValidateResponseChecksum": func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true },
	"HTTPClient":                      func(o *dynamodb.Options) { o.HTTPClient = ownHTTP{} },
	// Of attempts that have failed, which are the SDK's.
	"RetryMaxAttempts": func(o *dynamodb.Options) { o.RetryMaxAttempts = 9 }, "RetryMode": func(o *dynamodb.Options) { o.RetryMode = aws.RetryModeStandard },
	"Retryer": func(o *dynamodb.Options) { o.Retryer = retry.NewStandard() },
	"Logger":  func(o *dynamodb.Options) { o.Logger = ownLog{} }, // which is told of nothing without a ClientLogMode
	// Of other operations.
	"IdempotencyTokenProvider": func(o *dynamodb.Options) { o.IdempotencyTokenProvider = ownTokens{} },
	// What they mean is in the HTTP client and the retries when the client is made.
	"DefaultsMode":       func(o *dynamodb.Options) { o.DefaultsMode = aws.DefaultsModeInRegion },
	"RuntimeEnvironment": func(o *dynamodb.Options) { o.RuntimeEnvironment.Region = "r" },
}

// TestEachOptionIsJudged, one that a later version of the SDK brings too: it fails for a field that nobody has judged.
func TestEachOptionIsJudged(t *testing.T) {
	fields := reflect.TypeFor[dynamodb.Options]()
	judged := map[string]bool{"resolvedDefaultsMode": true, "Interceptors": true} // the latter each below
	for name := range leftToTheSDK {
		judged[name] = true
	}
	for name := range keptByAWire {
		judged[name] = true
	}
	for name := range judged {
		if _, is := fields.FieldByName(name); !is {
			t.Errorf("there is no option %s any more", name)
		}
	}
	for n := range fields.NumField() {
		if name := fields.Field(n).Name; !judged[name] {
			t.Errorf("nobody has judged the option %s: may a wire send by itself when a program sets it?", name)
		}
	}
	if newWire(dynamodb.New(at("http://127.0.0.1:8000"))).client == nil {
		t.Fatal("without anything set all is left to the SDK")
	}
	for name, all := range leftToTheSDK {
		for n, set := range all {
			o := at("http://127.0.0.1:8000")
			set(&o)
			if newWire(impatient(dynamodb.New(o))).client != nil {
				t.Errorf("%s, setting %d, is passed by", name, n)
			}
		}
	}
	for name, set := range keptByAWire {
		o := at("http://127.0.0.1:8000")
		set(&o)
		if newWire(impatient(dynamodb.New(o))).client == nil {
			t.Errorf("%s leaves all to the SDK", name)
		}
	}
	interceptors := reflect.TypeFor[smithyhttp.InterceptorRegistry]()
	for n := range interceptors.NumField() {
		o := at("http://127.0.0.1:8000")
		f := reflect.ValueOf(&o.Interceptors).Elem().Field(n)
		f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		if newWire(dynamodb.New(o)).client != nil {
			t.Errorf("the interceptors %s are passed by", interceptors.Field(n).Name)
		}
	}
}

// TestAConfigurationsClientIsUsual: what functions have is not left to the SDK.
func TestAConfigurationsClientIsUsual(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none"} {
		t.Setenv(name, value)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(impatient(dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = awshttp.NewBuildableClient() })))
	if w.client == nil || w.url.String() != "https://dynamodb.us-east-1.amazonaws.com/" {
		t.Errorf("AWS itself is at %s", w.url.String())
	}
}

// TestWhereRequestsGo compares address and signature with the SDK's, where AWS's own rules say them.
func TestWhereRequestsGo(t *testing.T) {
	account := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b", AccountID: "123456789012"}, nil
	})
	for name, c := range map[string]struct {
		set   func(*dynamodb.Options)
		table string
		own   bool
	}{
		"a region": {func(o *dynamodb.Options) { o.BaseEndpoint, o.Region = nil, "eu-central-1" }, "t", true},
		"local":    {func(o *dynamodb.Options) { o.BaseEndpoint, o.Region = nil, "local" }, "t", false},
		"fips":     {func(o *dynamodb.Options) { o.BaseEndpoint, o.Region = nil, "fips-us-east-1" }, "t", false},
		"FIPS": {func(o *dynamodb.Options) {
			o.BaseEndpoint, o.EndpointOptions.UseFIPSEndpoint = nil, aws.FIPSEndpointStateEnabled
		}, "t", false},
		"another partition": {func(o *dynamodb.Options) { o.BaseEndpoint, o.Region = nil, "cn-north-1" }, "t", true},
		"an account, preferred": {func(o *dynamodb.Options) {
			o.BaseEndpoint, o.Credentials, o.AccountIDEndpointMode = nil, account, "preferred"
		}, "t", false},
		"an account": {func(o *dynamodb.Options) { o.BaseEndpoint, o.Credentials = nil, account }, "t", false},
		"an account, disabled": {func(o *dynamodb.Options) {
			o.BaseEndpoint, o.Credentials, o.AccountIDEndpointMode = nil, account, "disabled"
		}, "t", true},
		"an account's other host": {func(o *dynamodb.Options) { o.Credentials, o.AccountIDEndpointMode = account, "preferred" }, "t", true},
		"another's table":         {func(o *dynamodb.Options) { o.BaseEndpoint, o.AccountIDEndpointMode = nil, "preferred" }, "arn:aws:dynamodb:us-east-1:210987654321:table/t", false},
		"a default port":          {func(o *dynamodb.Options) { o.BaseEndpoint = aws.String("http://h:80/") }, "t", true},
		"a path":                  {func(o *dynamodb.Options) { o.BaseEndpoint = aws.String("https://h/a%20b/c") }, "t", true},
		"its own signer":          {func(o *dynamodb.Options) { o.HTTPSignerV4 = ownSigner{v4.NewSigner()} }, "t", false},
	} {
		o, requests, _ := scripted(said{status: 200, body: "{}"})
		c.set(&o)
		w := newWire(impatient(dynamodb.New(o)))
		in := &dynamodb.PutItemInput{TableName: &c.table, Item: key{"a", "b"}.item()}
		if _, err := w.Client.PutItem(t.Context(), in); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := w.PutItem(t.Context(), in); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(*requests) != 2 {
			t.Fatalf("%s: %d requests", name, len(*requests))
		}
		sdk, got := (*requests)[0], (*requests)[1]
		scope := func(r *http.Request) string {
			all := strings.Split(r.Header.Get("Authorization"), "/")
			return strings.Join(all[2:4], "/")
		}
		host := func(r *http.Request) string {
			if r.Host == "" {
				return r.URL.Host
			}
			return r.Host
		}
		if sdk.URL.String() != got.URL.String() || host(sdk) != host(got) || scope(sdk) != scope(got) {
			t.Errorf("%s: %s at %s, signed for %s, the SDK: %s at %s for %s", name, got.URL, host(got), scope(got), sdk.URL, host(sdk), scope(sdk))
		}
		if own := got.Header.Get("User-Agent") == "doze"; own != c.own {
			t.Errorf("%s: sent by the wire: %v", name, own)
		}
	}
}
