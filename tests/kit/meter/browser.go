package meter

import (
	"fmt"
	"strings"
)

// Browser returns the headers, names and values in turn, that a browser sends with a handshake to a server at an
// origin. As they are sent they have the given number of bytes, some 1,300 at least; what is missing is made up by
// cookies.
func Browser(origin string, size int) (header []string) {
	lines := strings.Split(strings.ReplaceAll(browser, "ORIGIN", origin), "\n")
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		header = append(header, name, value)
		size -= len(line) + len("\r\n")
	}
	cookies := &header[len(header)-1]
	var more strings.Builder
	for seed := uint64(2654435761); more.Len() < size; seed = seed*6364136223846793005 + 1442695040888963407 {
		fmt.Fprintf(&more, "; _%x=%x", seed>>52, seed)
	}
	*cookies += more.String()[:max(size, 0)]
	return header
}

const browser = `Accept: */*
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: de-CH,de;q=0.9,en-GB;q=0.8,en;q=0.7,fr;q=0.6
Cache-Control: no-cache
Origin: ORIGIN
Pragma: no-cache
Priority: u=1, i
Referer: ORIGIN/rooms/0b0d4a4e-2f0e-4a53-9a3e-8d1f5f1d6a77
Sec-Ch-Ua: "Chromium";v="146", "Not_A Brand";v="99", "Google Chrome";v="146"
Sec-Ch-Ua-Mobile: ?0
Sec-Ch-Ua-Platform: "macOS"
Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: same-origin
User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36
Cookie: session=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c; _ga=GA1.1.1204921203.1719234123; theme=dark; csrf=Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5`
