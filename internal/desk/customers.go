package desk

import (
	"cmp"
	"context"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// PutCustomer stores what others know of a customer, and who changed what. Who served them last is the desk's to know,
// and stays.
func (d *Desk) PutCustomer(ctx context.Context, call api.Call, customer ticket.Customer) (*ticket.Customer, error) {
	if customer.ID == "" {
		return nil, invalid("body.id", "", "a customer needs an id")
	}
	var wrong fieldErrors
	wrong.attributes(customer.Attributes)
	if err := wrong.problem(); err != nil {
		return nil, err
	}
	return answer(ctx, d, call, "customer/"+customer.ID, func(c *change) (*ticket.Customer, error) {
		known, err := c.Customer(customer.ID)
		if err != nil && !notFound(err) {
			return nil, err
		}
		before := cmp.Or(known, &ticket.Customer{ID: customer.ID})
		stored := customer
		stored.LastAgent = before.LastAgent
		changed := changedFields(*before, stored)
		if known != nil && len(changed) == 0 {
			return known, nil
		}
		if err := c.PutCustomer(&stored); err != nil {
			return nil, err
		}
		_, err = c.record(eventlog.Record{
			Type: eventlog.CustomerUpdated, Data: eventlog.Encode(eventlog.CustomerData{Customer: stored.ID, Changed: changed}),
		})
		return &stored, err
	})
}
