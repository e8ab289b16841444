// Package live finds the servers that live tests run against. A test names what it needs by an environment variable; where that
// is not set the test is skipped by name, and with REQUIRE_LIVE=1 it fails instead. `make live` starts the servers and prints
// the variables.
package live

import (
	"os"
	"testing"
)

// The variables. Each server of `make live` sets its own.
const (
	OpenSearchURL       = "OPENSEARCH_URL"        // a cluster without security
	OpenSearchSecureURL = "OPENSEARCH_SECURE_URL" // one with the security plugin: TLS, users, roles
	OpenSearchSecureDir = "OPENSEARCH_SECURE_DIR" // its certificates: ca.pem, admin.pem, admin.key
)

// Need returns the value of a variable, or skips the test; with REQUIRE_LIVE=1 it fails it.
func Need(tb testing.TB, variable string) string {
	tb.Helper()
	v := os.Getenv(variable) //nolint:forbidigo // a helper of tests
	switch {
	case v != "":
	case os.Getenv("REQUIRE_LIVE") == "1": //nolint:forbidigo // a helper of tests
		tb.Fatalf("%s is not set and REQUIRE_LIVE=1: `make live` starts the servers", variable)
	default:
		tb.Skipf("%s is not set: `make live` starts the servers", variable)
	}
	return v
}
