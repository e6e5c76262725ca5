package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"peer/build/generated"
	"peer/rows"
)

const (
	termLength  = 150
	alphabet    = "0123456789abcdefghjkmnpqrstvwxyz"
	insertClaim = `INSERT INTO claims (id, type, status, provider_cnes, payer_ans, patient_id, provider_claim_number, card_number,
		service_date, diagnosis_codes, claimed_cents, version, created_by, created_at)
		VALUES (?, ?, 'DRAFT', ?, ?, ?, ?, ?, ?, '', ?, 1, 'benchmark', ?)`
	insertItems = `INSERT INTO claim_items (id, claim_id, sequence, code_system, code, description, performed_on, quantity,
		unit_price_cents, factor, total_cents) VALUES `
	itemColumns = 11
)

// create stores a claim without duties: the patient of the card, the terms of the codes, the claim and its items in one
// transaction.
func (each *database) create(ctx context.Context, given *generated.ClaimInput) (*rows.Claim, error) {
	transaction, err := each.pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer transaction.Rollback()
	var patient string
	coverage := "SELECT patient_id FROM coverages WHERE payer_ans = ? AND card_number = ?"
	if err := transaction.QueryRowContext(ctx, coverage, given.PayerAnsCode, given.CardNumber).Scan(&patient); err != nil {
		return nil, err
	}
	terms, err := termsOf(ctx, transaction, given.Items)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	claim := &rows.Claim{
		ID: newID("clm"), Type: given.Type, Status: "DRAFT", ProviderClaimNumber: given.ProviderClaimNumber,
		ServiceDate: given.ServiceDate, CreatedAt: now.Format("2006-01-02T15:04:05.000000Z"),
	}
	items := itemsOf(claim, given.Items, terms)
	_, err = transaction.ExecContext(ctx, insertClaim, claim.ID, claim.Type, given.ProviderCnes, given.PayerAnsCode, patient,
		claim.ProviderClaimNumber, given.CardNumber, claim.ServiceDate, int64(claim.ClaimedAmount), now)
	if err != nil {
		return nil, err
	}
	places := strings.TrimSuffix(strings.Repeat("("+marks(itemColumns)+"), ", len(given.Items)), ", ")
	if _, err := transaction.ExecContext(ctx, insertItems+places, items...); err != nil {
		return nil, err
	}
	return claim, transaction.Commit()
}

type code struct{ system, number string }

func termsOf(ctx context.Context, transaction *sql.Tx, items []generated.ClaimItemInput) (map[code]string, error) {
	values := make([]any, 0, 2*len(items))
	for _, item := range items {
		values = append(values, item.CodeSystem, item.Code)
	}
	pairs := strings.TrimSuffix(strings.Repeat("(?, ?), ", len(items)), ", ")
	statement := fmt.Sprintf("SELECT code_system, code, term FROM tuss_terms WHERE (code_system, code) IN (%s)", pairs)
	found, err := transaction.QueryContext(ctx, statement, values...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	terms := make(map[code]string, len(items))
	for found.Next() {
		var key code
		var term string
		if err := found.Scan(&key.system, &key.number, &term); err != nil {
			return nil, err
		}
		terms[key] = term
	}
	return terms, found.Err()
}

// itemsOf returns the values of the items' rows in one list, and adds their amounts to the claim's.
func itemsOf(claim *rows.Claim, items []generated.ClaimItemInput, terms map[code]string) []any {
	values := make([]any, 0, itemColumns*len(items))
	for place, item := range items {
		total := (int64(item.Quantity)*int64(item.UnitPrice) + 5_000) / 10_000
		claim.ClaimedAmount += rows.Money(total)
		term := []rune(terms[code{item.CodeSystem, item.Code}])
		values = append(values, newID("itm"), claim.ID, place+1, item.CodeSystem, item.Code, string(term[:min(len(term), termLength)]),
			claim.ServiceDate, int64(item.Quantity), int64(item.UnitPrice), 100, total)
	}
	return values
}

// newID returns a new id of the usual length.
func newID(prefix string) string {
	chance := make([]byte, 26)
	rand.Read(chance)
	for place, value := range chance {
		chance[place] = alphabet[value&31]
	}
	return prefix + "_" + string(chance)
}
