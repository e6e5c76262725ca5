package main

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"

	"peer/rows"
)

const (
	connections  = 20
	claimColumns = "id, type, status, provider_claim_number, service_date, created_at, claimed_cents, approved_cents, denied_cents"
)

type database struct {
	pool      *sql.DB
	providers []any
}

func open() (*database, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", os.Getenv("DB_HOST")+":"+os.Getenv("DB_PORT")
	config.User, config.DBName = os.Getenv("DB_USER"), os.Getenv("DB_NAME")
	config.InterpolateParams = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return &database{pool, asAny(strings.Split(os.Getenv("PROVIDERS"), ","))}, nil
}

func (each *database) claim(ctx context.Context, id string) (*rows.Claim, error) {
	statement := "SELECT " + claimColumns + " FROM claims WHERE id = ? AND provider_cnes IN (" + marks(len(each.providers)) + ")"
	found, err := scanClaim(each.pool.QueryRowContext(ctx, statement, append([]any{id}, each.providers...)...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &found, err
}

func (each *database) claims(ctx context.Context, first int, after *string) ([]rows.Claim, error) {
	statement := "SELECT " + claimColumns + " FROM claims WHERE provider_cnes IN (" + marks(len(each.providers)) + ")"
	values := append([]any{}, each.providers...)
	if after != nil {
		moment, id, err := placeOf(*after)
		if err != nil {
			return nil, err
		}
		statement += " AND created_at >= ? AND (created_at > ? OR id > ?)"
		values = append(values, moment, moment, id)
	}
	first = min(first, 100)
	found, err := each.pool.QueryContext(ctx, statement+" ORDER BY created_at, id LIMIT ?", append(values, first)...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	nodes := make([]rows.Claim, 0, first)
	for found.Next() {
		node, err := scanClaim(found)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, found.Err()
}

func (each *database) itemsOfClaims(ctx context.Context, ids []string) ([][]rows.Item, []error) {
	statement := `SELECT i.claim_id, i.sequence, i.code, i.description, i.quantity, i.unit_price_cents, i.total_cents
		FROM claim_items i JOIN claims c ON c.id = i.claim_id
		WHERE i.claim_id IN (%s) AND c.provider_cnes IN (%s) ORDER BY i.claim_id, i.sequence`
	groups := make([][]rows.Item, len(ids))
	places := placesOf(ids)
	err := each.related(ctx, statement, ids, func(row *sql.Rows) error {
		var id string
		var item rows.Item
		err := row.Scan(&id, &item.Sequence, &item.Code, &item.Description, &item.Quantity, &item.UnitPrice, &item.TotalAmount)
		groups[places[id]] = append(groups[places[id]], item)
		return err
	})
	return groups, only(err)
}

func (each *database) invoicesOfClaims(ctx context.Context, ids []string) ([]*rows.Invoice, []error) {
	statement := `SELECT l.billed_claim_id, v.id, v.number, v.status, v.total_cents - v.settled_cents
		FROM invoice_lines l JOIN invoices v ON v.id = l.invoice_id
		WHERE l.billed_claim_id IN (%s) AND v.provider_cnes IN (%s)`
	found := make([]*rows.Invoice, len(ids))
	places := placesOf(ids)
	err := each.related(ctx, statement, ids, func(row *sql.Rows) error {
		var id string
		var invoice rows.Invoice
		err := row.Scan(&id, &invoice.ID, &invoice.Number, &invoice.Status, &invoice.DueAmount)
		found[places[id]] = &invoice
		return err
	})
	return found, only(err)
}

// related scans the rows of a relation; the statement has places for the keys and for the providers.
func (each *database) related(ctx context.Context, statement string, ids []string, scan func(*sql.Rows) error) error {
	statement = fmt.Sprintf(statement, marks(len(ids)), marks(len(each.providers)))
	found, err := each.pool.QueryContext(ctx, statement, append(asAny(ids), each.providers...)...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := scan(found); err != nil {
			return err
		}
	}
	return found.Err()
}

type scanner interface{ Scan(...any) error }

func scanClaim(row scanner) (rows.Claim, error) {
	var each rows.Claim
	err := row.Scan(&each.ID, &each.Type, &each.Status, &each.ProviderClaimNumber, &each.ServiceDate, &each.CreatedAt,
		&each.ClaimedAmount, &each.ApprovedAmount, &each.DeniedAmount)
	each.CreatedAt = strings.Replace(each.CreatedAt, " ", "T", 1) + "Z"
	return each, err
}

// placeOf reads a cursor: the time and the id of the row before.
func placeOf(cursor string) (moment, id string, err error) {
	var place [2]string
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, &place)
	}
	return place[0], place[1], err
}

func placesOf(ids []string) map[string]int {
	places := make(map[string]int, len(ids))
	for place, id := range ids {
		places[id] = place
	}
	return places
}

func marks(number int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", number), ", ")
}

func asAny(texts []string) []any {
	values := make([]any, len(texts))
	for place, text := range texts {
		values[place] = text
	}
	return values
}

func only(err error) []error {
	if err == nil {
		return nil
	}
	return []error{err}
}
