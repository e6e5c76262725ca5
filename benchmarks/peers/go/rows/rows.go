// Package rows has the rows of each type and the scalars: integer cents and ten-thousandths in the database, text on the wire.
package rows

import (
	"fmt"
	"io"
	"math"
	"strconv"
)

// Money is in cents.
type Money int64

// Quantity is in ten-thousandths.
type Quantity int64

// Claim has its own columns; its relations are loaded.
type Claim struct {
	ID                  string
	Type                string
	Status              string
	ProviderClaimNumber string
	ServiceDate         string
	CreatedAt           string
	ClaimedAmount       Money
	ApprovedAmount      *Money
	DeniedAmount        *Money
}

// Item of a claim.
type Item struct {
	Sequence    int
	Code        string
	Description string
	Quantity    Quantity
	UnitPrice   Money
	TotalAmount Money
}

// Invoice of a claim.
type Invoice struct {
	ID        string
	Number    int
	Status    string
	DueAmount Money
}

// MarshalGQL writes text with two decimals.
func (money Money) MarshalGQL(writer io.Writer) {
	sign, cents := "", int64(money)
	if cents < 0 {
		sign, cents = "-", -cents
	}
	fmt.Fprintf(writer, `"%s%d.%02d"`, sign, cents/100, cents%100)
}

// UnmarshalGQL reads text with two decimals.
func (money *Money) UnmarshalGQL(value any) error {
	found, err := number(value, 100)
	*money = Money(found)
	return err
}

// MarshalGQL writes text with as many decimals as are needed.
func (quantity Quantity) MarshalGQL(writer io.Writer) {
	io.WriteString(writer, strconv.Quote(strconv.FormatFloat(float64(quantity)/10_000, 'f', -1, 64)))
}

// UnmarshalGQL reads text.
func (quantity *Quantity) UnmarshalGQL(value any) error {
	found, err := number(value, 10_000)
	*quantity = Quantity(found)
	return err
}

func number(value any, unit float64) (int64, error) {
	text, isText := value.(string)
	if !isText {
		return 0, fmt.Errorf("%v is not a text", value)
	}
	found, err := strconv.ParseFloat(text, 64)
	return int64(math.Round(found * unit)), err
}
