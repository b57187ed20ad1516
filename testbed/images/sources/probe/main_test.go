package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

func probe(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(serve))
	t.Cleanup(server.Close)
	return server
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	asked, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	asked.Header.Set("X-Asked", "yes")
	response, err := http.DefaultClient.Do(asked)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func TestAnAnswerTellsWhoAnswersAndWhatWasAsked(t *testing.T) {
	_, body := request(t, "POST", probe(t).URL+"/a/b?c=d", "")
	var got Answer
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.Path != "/a/b" || got.Query != "c=d" || got.Headers.Get("X-Asked") != "yes" {
		t.Errorf("asked otherwise: %+v", got)
	}
	if got.Identity.UID != os.Getuid() || got.Identity.GID != os.Getgid() || len(got.Identity.Capabilities) != 16 {
		t.Errorf("somebody else: %+v", got.Identity)
	}
}

func TestAFileIsWrittenAndReadWhereTheKernelLetsIt(t *testing.T) {
	url := probe(t).URL + "/?file="
	folder := t.TempDir()
	if status, body := request(t, "PUT", url+folder+"/note", "hello"); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := request(t, "GET", url+folder+"/note", ""); status != 200 || body != "hello" {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := request(t, "GET", url+folder+"/absent", ""); status != 404 {
		t.Errorf("an absent file gave %d", status)
	}
	if status, _ := request(t, "PUT", url+folder+"/large", strings.Repeat("x", maxBodyBytes+1)); status != 413 {
		t.Errorf("a body over the limit gave %d", status)
	}
}

func TestAWebSocketEchoesInTheSubprotocolOffered(t *testing.T) {
	socket, _, err := websocket.Dial(context.Background(), probe(t).URL+"/any", &websocket.DialOptions{Subprotocols: []string{"one", "two"}})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	if socket.Subprotocol() != "one" {
		t.Errorf("subprotocol %q", socket.Subprotocol())
	}
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		if err := socket.Write(context.Background(), kind, []byte("안녕")); err != nil {
			t.Fatal(err)
		}
		got, message, err := socket.Read(context.Background())
		if err != nil || got != kind || string(message) != "안녕" {
			t.Errorf("%v %q %v", got, message, err)
		}
	}
}

func TestAUnixSocketThatAnEarlierRunLeftIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "probe.sock")
	left, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	t.Setenv("PROBE_SOCKET", path)
	listener, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
}
