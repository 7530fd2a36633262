package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/verify"
)

// TestVerifyPrintsATableAndKeepsAReport asks a few questions of doze dev.
func TestVerifyPrintsATableAndKeepsAReport(t *testing.T) {
	url, end := startDev(t, "-verify")
	defer end()
	file := filepath.Join(t.TempDir(), "report.json")
	var out, log bytes.Buffer
	err := run(t.Context(), []string{"verify", url, "-only", "polling.open,latency.ack", "-rounds", "3", "-json", file}, &out, &log)
	if err != nil {
		t.Fatal(err, out.String())
	}
	if text := out.String(); !strings.Contains(text, "ok  polling.open  200, open packet, upgrade offered") || !strings.Contains(text, "of 3") || !strings.Contains(text, "2 ok, 0 differ, 0 unknown") {
		t.Error(text)
	}
	if !strings.Contains(log.String(), "latency.ack") {
		t.Error(log.String())
	}
	text, err := os.ReadFile(file)
	var kept verify.Report
	if err != nil || json.Unmarshal(text, &kept) != nil || len(kept.Facts) != 2 || kept.Facts[1].Figures["p50_ms"] <= 0 {
		t.Errorf("%v %s", err, text)
	}
}

// TestVerifyFailsWhereDozeDependsOnWhatDiffers stands before doze dev and answers HEAD, on which Doze does not depend,
// and then what a client needs, otherwise than it should.
func TestVerifyFailsWhereDozeDependsOnWhatDiffers(t *testing.T) {
	to, end := startDev(t)
	defer end()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodHead || strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") && r.StatusCode == http.StatusBadRequest {
			r.StatusCode = http.StatusNotFound
		}
		return nil
	}
	s := httptest.NewServer(proxy)
	defer s.Close()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"verify", s.URL, "-only", "http.head"}, &out, io.Discard); err != nil || !strings.Contains(out.String(), "http.head differs") {
		t.Errorf("%v %s", err, out.String())
	}
	err = run(t.Context(), []string{"verify", s.URL, "-only", "http.head,polling.unknown-sid"}, &out, io.Discard)
	if err == nil || !strings.HasSuffix(err.Error(), "depends: polling.unknown-sid") {
		t.Errorf("%v %s", err, out.String())
	}
}

// TestVerifySaysWhatTheDeploymentLacks asks doze dev without -verify.
func TestVerifySaysWhatTheDeploymentLacks(t *testing.T) {
	url, end := startDev(t)
	defer end()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"verify", url, "-only", "polling.open,latency.ack"}, &out, io.Discard); err != nil {
		t.Error(err)
	}
	if text := out.String(); !strings.Contains(text, "Verify=yes") || !strings.Contains(text, "1 ok, 0 differ, 1 unknown") {
		t.Error(text)
	}
}
