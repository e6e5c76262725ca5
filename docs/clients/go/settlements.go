// Settlements with Go's standard library alone: the list, each new one, and a payment.
// go run settlements.go URL FILE [INVOICE AMOUNT KEY]

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // for machines that have no time zones
)

const (
	list  = `query Settlements { settlements(first: 100) { streamCursor nodes { id amount } } }`
	watch = `subscription WatchSettlements($after: String) {
  settlementRecorded(after: $after) { cursor settlement { id amount } }
}`
	settle = `mutation SettleInvoice($input: SettleInvoiceInput!) {
  settleInvoice(input: $input) {
    settlement { id amount invoice { id status dueAmount } }
    errors { code message field }
    replayed
  }
}`
	attempts = 5
)

// Amounts are texts, as in the API: a float64 cannot hold every one of them.
type settlement struct {
	ID      string   `json:"id"`
	Amount  string   `json:"amount"`
	Invoice *invoice `json:"invoice,omitempty"`
}

type invoice struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	DueAmount string `json:"dueAmount"`
}

// The errors of a payment are for the form, each with the path of its field.
type payment struct {
	Settlement *settlement `json:"settlement"`
	Errors     []struct {
		Code    string   `json:"code"`
		Message string   `json:"message"`
		Field   []string `json:"field"`
	} `json:"errors"`
	Replayed bool `json:"replayed"`
}

// Those of an answer are about the request.
type refused []struct {
	Message    string `json:"message"`
	Extensions struct {
		Code      string `json:"code"`
		Retryable bool   `json:"retryable"`
	} `json:"extensions"`
}

func (errors refused) Error() string {
	text, _ := json.Marshal(errors)
	return string(text)
}

// passes says whether the same request may succeed later, or with a new token.
func passes(err error) bool {
	var found refused
	if !errors.As(err, &found) {
		return true // the connection was lost
	}
	for _, each := range found {
		if each.Extensions.Retryable || each.Extensions.Code == "UNAUTHENTICATED" {
			return true
		}
	}
	return false
}

var url, tokenFile = os.Args[1], os.Args[2]

// send reads the token for every request, so that a renewed one is used.
func send(accept, query string, variables map[string]any, timeout time.Duration) (*http.Response, error) {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", accept)
	return (&http.Client{Timeout: timeout}).Do(request)
}

// read takes what came under the name of the root field; errors beside it are of fields that the caller may not see.
func read(answer []byte, name string, into any) error {
	var found struct {
		Data   map[string]json.RawMessage `json:"data"`
		Errors refused                    `json:"errors"`
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return err
	}
	if value, isThere := found.Data[name]; isThere && string(value) != "null" {
		return json.Unmarshal(value, into)
	}
	return found.Errors
}

// ask until there is an answer; a mutation goes with the same idempotency key each time, so it happens once.
func ask(name, query string, variables map[string]any, into any) error {
	for attempt := 1; ; attempt++ {
		err := askOnce(name, query, variables, into)
		if err == nil || attempt == attempts || !passes(err) {
			return err
		}
		pause()
	}
}

func askOnce(name, query string, variables map[string]any, into any) error {
	response, err := send("application/json", query, variables, 20*time.Second)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return read(answer, name, into)
}

// follow shows each settlement after the cursor once and in order, whatever fails in between.
func follow(cursor string, show func(settlement)) error {
	for {
		if err := stream(&cursor, show); err != nil && !passes(err) {
			return err // CURSOR_EXPIRED: read the list again
		}
		pause()
	}
}

// stream subscribes after the cursor, and moves it with each message until the stream ends.
func stream(cursor *string, show func(settlement)) error {
	response, err := send("text/event-stream", watch, map[string]any{"after": *cursor}, 0)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for lines := bufio.NewReader(response.Body); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(line, []byte("data: {")) {
			continue
		}
		var event struct {
			Cursor     string      `json:"cursor"`
			Settlement *settlement `json:"settlement"`
		}
		if err := read(line[len("data: "):], "settlementRecorded", &event); err != nil {
			return err
		}
		*cursor = event.Cursor
		if event.Settlement != nil { // the first message has only the cursor
			show(*event.Settlement)
		}
	}
}

// pause waits for a second or so: not all clients at once, after a restart.
func pause() {
	time.Sleep(500*time.Millisecond + time.Duration(rand.Int63n(int64(time.Second))))
}

func print(what any) {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// pay makes a payment of today, a day in Brasília. The key belongs to the user's decision to pay, not to the attempt.
func pay(invoiceID, amount, key string) (payment, error) {
	var done payment
	brasilia, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		return done, err
	}
	day := time.Now().In(brasilia).Format("2006-01-02")
	input := map[string]any{"invoiceId": invoiceID, "amount": amount, "paidOn": day, "idempotencyKey": key}
	err = ask("settleInvoice", settle, map[string]any{"input": input}, &done)
	return done, err
}

func main() {
	if len(os.Args) > 3 {
		done, err := pay(os.Args[3], os.Args[4], os.Args[5])
		if err != nil {
			fail(err)
		}
		print(done)
		return
	}
	var found struct {
		StreamCursor string       `json:"streamCursor"`
		Nodes        []settlement `json:"nodes"`
	}
	if err := ask("settlements", list, nil, &found); err != nil {
		fail(err)
	}
	print(map[string]any{"listed": found.Nodes})
	fail(follow(found.StreamCursor, func(added settlement) { print(map[string]any{"added": added}) }))
}
