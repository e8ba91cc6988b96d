// Receives webhooks, with Go's standard library: PORT=9000 WEBHOOK_SECRET=whsec_... go run receiver.go
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tolerance    = 5 * time.Minute
	maxBodyBytes = 1 << 20
)

type receiver struct {
	key []byte
	// Keep these ids in your database, in the transaction that processes the event.
	seen sync.Map
}

// verifies reports whether the body is signed with the secret, and recent.
func (r *receiver) verifies(headers http.Header, body []byte) bool {
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	seconds, err := strconv.ParseUint(timestamp, 10, 40)
	if id == "" || err != nil {
		return false
	}
	if age := time.Since(time.Unix(int64(seconds), 0)); age.Abs() > tolerance {
		return false
	}
	mac := hmac.New(sha256.New, r.key)
	io.WriteString(mac, id+"."+timestamp+".")
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// During a rotation there are several signatures: one must match.
	for _, one := range strings.Split(headers.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(one), expected) {
			return true
		}
	}
	return false
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	// The raw body: after parsing and serialising, the signature would not match.
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBodyBytes))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil || !r.verifies(request.Header, body) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var message struct{ Event string }
	if err := json.Unmarshal(body, &message); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id := request.Header.Get("webhook-id")
	if _, known := r.seen.LoadOrStore(id, true); known {
		log.Printf("known %s", id)
	} else {
		// Put it into a queue here, and process it later: the sender waits for the response.
		log.Printf("new %s %s", id, message.Event)
	}
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	secret := strings.TrimPrefix(os.Getenv("WEBHOOK_SECRET"), "whsec_")
	key, err := base64.StdEncoding.DecodeString(secret)
	if err != nil || len(key) == 0 {
		log.Fatal("WEBHOOK_SECRET is not a secret")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on port %s", os.Getenv("PORT"))
	server := http.Server{Handler: &receiver{key: key}, ReadTimeout: 30 * time.Second}
	log.Fatal(server.Serve(listener))
}
