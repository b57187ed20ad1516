// Probe answers HTTP with who it is and what it was asked, echoes WebSocket messages, and reads and writes files: what
// a test needs to see of a program that somebody's pod or job runs.
//
//   - any path: an Answer as JSON
//   - any path with ?file=/a/path: GET reads that file, PUT writes the body to it
//   - any path, as a WebSocket: every message comes back; the first subprotocol offered is taken
//
// It listens on the Unix socket PROBE_SOCKET or, without that, on PROBE_ADDRESS (default ":8080").
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

const maxBodyBytes = 1 << 20

// Answer is what a request gets back.
type Answer struct {
	Hostname string      `json:"hostname"`
	Identity Identity    `json:"identity"`
	Method   string      `json:"method"`
	Host     string      `json:"host"`
	Path     string      `json:"path"`
	Query    string      `json:"query"`
	Headers  http.Header `json:"headers"`
	Remote   string      `json:"remote"`
}

// Identity is what the kernel says of this process. Capabilities is the effective set in hexadecimal digits, Seccomp
// 0 for none, 1 for strict and 2 for a filter (proc_pid_status(5)).
type Identity struct {
	UID             int    `json:"uid"`
	GID             int    `json:"gid"`
	Groups          []int  `json:"groups"`
	Capabilities    string `json:"capabilities"`
	NoNewPrivileges bool   `json:"noNewPrivileges"`
	Seccomp         string `json:"seccomp"`
}

func main() {
	listener, err := listen()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	server := &http.Server{Handler: http.HandlerFunc(serve), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	log.Printf("listening on %s as %d", listener.Addr(), os.Getuid())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func listen() (net.Listener, error) {
	if path := os.Getenv("PROBE_SOCKET"); path != "" {
		// What an earlier run of this container left there.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return net.Listen("unix", path)
	}
	address := os.Getenv("PROBE_ADDRESS")
	if address == "" {
		address = ":8080"
	}
	return net.Listen("tcp", address)
}

func serve(w http.ResponseWriter, r *http.Request) {
	file := r.URL.Query().Get("file")
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		echo(w, r)
	case file != "" && r.Method == http.MethodPut:
		writeFile(w, r, file)
	case file != "":
		readFile(w, file)
	default:
		answer(w, r)
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	hostname, err := os.Hostname()
	if err != nil {
		fail(w, err)
		return
	}
	who, err := identity()
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(Answer{
		Hostname: hostname,
		Identity: who,
		Method:   r.Method,
		Host:     r.Host,
		Path:     r.URL.Path,
		Query:    r.URL.RawQuery,
		Headers:  r.Header,
		Remote:   r.RemoteAddr,
	})
}

func identity() (Identity, error) {
	groups, err := os.Getgroups()
	if err != nil {
		return Identity{}, err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return Identity{}, err
	}
	fields := map[string]string{}
	for _, line := range strings.Split(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	return Identity{
		UID:             os.Getuid(),
		GID:             os.Getgid(),
		Groups:          groups,
		Capabilities:    fields["CapEff"],
		NoNewPrivileges: fields["NoNewPrivs"] == "1",
		Seccomp:         fields["Seccomp"],
	}, nil
}

func echo(w http.ResponseWriter, r *http.Request) {
	var subprotocols []string
	if offered := r.Header.Get("Sec-WebSocket-Protocol"); offered != "" {
		first, _, _ := strings.Cut(offered, ",")
		subprotocols = append(subprotocols, strings.TrimSpace(first))
	}
	// Behind a proxy the origin is another host's; a probe has no cookie to guard.
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: subprotocols})
	if err != nil {
		return
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxBodyBytes)
	for {
		kind, message, err := socket.Read(r.Context())
		if err != nil {
			return
		}
		if err := socket.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

func readFile(w http.ResponseWriter, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(content)
}

func writeFile(w http.ResponseWriter, r *http.Request, path string) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err == nil {
		err = os.WriteFile(path, content, 0o644)
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		status = http.StatusNotFound
	case errors.Is(err, fs.ErrPermission):
		status = http.StatusForbidden
	case errors.As(err, new(*http.MaxBytesError)):
		status = http.StatusRequestEntityTooLarge
	}
	http.Error(w, err.Error(), status)
}
