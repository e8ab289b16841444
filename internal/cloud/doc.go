// Package cloud holds clients of AWS: typed calls over the SDK with the project's error codes. No analysis.
package cloud
