package outgoing_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
)

// apiVariable has a process of this test's program be an @connections API: its CPU time is then not that of the clients.
const apiVariable = "DOZE_TEST_API"

func TestMain(m *testing.M) {
	if folder := os.Getenv(apiVariable); folder != "" {
		serve(folder)
		return
	}
	os.Exit(m.Run())
}

// serve answers every post, by HTTP, by HTTPS and by HTTP/2, whose addresses and certificate it writes, and ends with its
// standard input.
func serve(folder string) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasPrefix(r.URL.Path, "/once/") {
			w.Header().Set("Connection", "close")
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Requestid", "4f5b2f1e-7e43-4b8c-8f0e-2f7d7a3c9f10")
		w.Header().Set("X-Amz-Apigw-Id", "R1kmxc2VNjMCFIA=")
	})
	plain, secret, second := httptest.NewServer(handler), httptest.NewTLSServer(handler), httptest.NewUnstartedServer(handler)
	second.EnableHTTP2 = true // with the certificate of the other
	second.StartTLS()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secret.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(folder, "trusted.pem"), certificate, 0o600); err != nil {
		panic(err)
	}
	fmt.Println(plain.URL, secret.URL, second.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// BenchmarkPosts compares the CPU time of a post of a Poster with that of the SDK's stock client, in one run and in
// turn: go test ./pkg/apigw/outgoing -run '^$' -bench Posts. The goal is three times as many in the same time.
func BenchmarkPosts(b *testing.B) {
	folder := b.TempDir()
	api := exec.Command(os.Args[0])
	api.Env = append(os.Environ(), apiVariable+"="+folder)
	api.Stderr = os.Stderr
	in, err := api.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := api.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := api.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = api.Wait()
	}()
	var plain, secret, second string
	if _, err := fmt.Fscan(out, &plain, &secret, &second); err != nil {
		b.Fatal(err)
	}
	b.Setenv("SSL_CERT_FILE", filepath.Join(folder, "trusted.pem")) // read once, with the first handshake
	for _, api := range []struct{ name, url string }{{"HTTP, HTTP1.1", plain}, {"HTTPS, HTTP1.1", secret}, {"HTTPS, HTTP2", second}} {
		for _, atOnce := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", api.name, atOnce), func(b *testing.B) { compare(b, api.url+"/live", atOnce) })
		}
	}
	// A function that was frozen for longer than connections are kept begins like this.
	b.Run("HTTPS, HTTP1.1/each by a connection of its own", func(b *testing.B) { compare(b, secret+"/once", 1) })
}

func compare(b *testing.B, url string, atOnce int) {
	const posts = 1024
	id, data := "R1kmxc2VNjMCFIA=", []byte(`42["said",{"from":"ada","text":"hello, all of you"}]`)
	cfg := aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: strings.Repeat("token", 150)}, nil
	})}
	sdk := apigatewaymanagementapi.NewFromConfig(cfg, func(o *apigatewaymanagementapi.Options) { o.BaseEndpoint = &url })
	p := outgoing.NewPoster(cfg, url)
	ways := []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := sdk.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &id, Data: data})
			return err
		},
		func(ctx context.Context) error { return p.Post(ctx, id, engine.Frame{Data: data}) },
	}
	run := func(post func(context.Context) error) time.Duration {
		begin := processor()
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				for range posts / atOnce {
					ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
					if err := post(ctx); err != nil {
						b.Error(err)
					}
					cancel()
				}
			})
		}
		all.Wait()
		return processor() - begin
	}
	var spent [2]time.Duration
	for _, w := range ways { // connections are made before
		run(w)
	}
	for b.Loop() {
		for i, w := range ways {
			spent[i] += run(w)
		}
	}
	per := func(i int) float64 { return float64(spent[i].Nanoseconds()) / 1e3 / posts / float64(b.N) }
	b.ReportMetric(per(0), "µs-sdk")
	b.ReportMetric(per(1), "µs-doze")
	b.ReportMetric(per(0)/per(1), "times")
	b.ReportMetric(0, "ns/op")
}

// processor returns the time of the processor that this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
