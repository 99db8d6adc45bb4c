// Package certificate decides when a desk's authority and serving certificate are issued and replaced, and issues them.
//
// Replacing overlaps: a new authority is announced in the bundle first, signs only after everybody could have read it, and
// the old one stays in the bundle until no desk serves its signature any more. So a rotation interrupts no connection.
package certificate

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

const (
	// AuthorityLife is how long an authority is valid.
	AuthorityLife = 365 * 24 * time.Hour
	// ServingLife is how long a serving certificate is valid.
	ServingLife = 90 * 24 * time.Hour
	// DefaultOverlap is how long a change of the bundle takes to reach everybody who reads it: the kubelet brings a changed
	// ConfigMap or Secret to its pods within two minutes.
	DefaultOverlap = 5 * time.Minute

	// backdate makes a new certificate valid on nodes whose clocks are behind.
	backdate = 5 * time.Minute
)

// State is all there is of a desk's certificates. The zero value has none.
type State struct {
	// Active authority signs the serving certificate.
	Active Pair
	// Next authority is announced and will sign. Empty outside of a rotation.
	Next Pair
	// Previous authority's certificate, PEM, still trusted. Empty outside of a rotation.
	Previous []byte
	// Serving certificate of the desk.
	Serving Pair
	// Rotation is the last demand for a rotation that was met, a word chosen by whoever demanded it.
	Rotation string
}

// Bundle of the authorities to trust, PEM.
func (s State) Bundle() []byte {
	return bytes.Join([][]byte{s.Active.Certificate, s.Next.Certificate, s.Previous}, nil)
}

// Policy is what the certificates should be.
type Policy struct {
	// Name of the authority, for people who look at the certificate.
	Name string
	// Hosts the serving certificate is valid for.
	Hosts []string
	// Rotation demanded; a word not met yet replaces authority and certificate. Empty demands none.
	Rotation string
	// Overlap of an old and a new authority.
	Overlap time.Duration
}

// Advance brings the state as far as it can be at now, and says when to look again. An unreadable part is issued anew. It
// never takes more than one step of an authority's rotation, so that each is stored and announced before the next.
func Advance(state State, policy Policy, now time.Time) (State, time.Time, error) {
	next, err := advanceAuthority(state, policy, now)
	if err != nil {
		return State{}, time.Time{}, err
	}
	if servingDue(next, policy, now) {
		if next.Serving, err = issueServing(next.Active, policy.Hosts, now); err != nil {
			return State{}, time.Time{}, err
		}
	}
	return next, wake(next, policy, now), nil
}

// advanceAuthority takes the step of the authority's rotation that is due, if any.
func advanceAuthority(state State, policy Policy, now time.Time) (State, error) {
	active, err := state.Active.parse()
	switch {
	case err != nil || !now.Before(active.NotAfter):
		// Nothing to overlap with: what there was, nobody can trust.
		pair, err := issueAuthority(policy.Name, now)
		return State{Active: pair, Rotation: policy.Rotation}, err

	case !state.Next.empty():
		next, err := state.Next.parse()
		if err != nil {
			state.Next = Pair{}
			return state, nil
		}
		if now.Before(issued(next).Add(policy.Overlap)) {
			return state, nil
		}
		state.Previous, state.Active, state.Next = state.Active.Certificate, state.Next, Pair{}
		return state, nil

	case len(state.Previous) > 0:
		if serving, err := state.Serving.parse(); err == nil && !now.Before(issued(serving).Add(policy.Overlap)) {
			state.Previous = nil
		}
		return state, nil

	case !now.Before(renewal(active)) || demanded(state, policy):
		pair, err := issueAuthority(policy.Name, now)
		state.Next, state.Rotation = pair, policy.Rotation
		return state, err
	}
	return state, nil
}

// demanded says whether a rotation is demanded that was not met yet. Taking the demand back demands nothing.
func demanded(state State, policy Policy) bool {
	return policy.Rotation != "" && policy.Rotation != state.Rotation
}

// servingDue says whether the serving certificate must be issued anew.
func servingDue(state State, policy Policy, now time.Time) bool {
	serving, err := state.Serving.parse()
	if err != nil {
		return true
	}
	active, err := state.Active.parse()
	if err != nil {
		return true
	}
	return serving.CheckSignatureFrom(active) != nil ||
		!slices.Equal(serving.DNSNames, policy.Hosts) ||
		!now.Before(renewal(serving))
}

// wake is when the next step is due: the earliest renewal, the end of an overlap, or at once for a demand that came during
// another rotation.
func wake(state State, policy Policy, now time.Time) time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if serving, err := state.Serving.parse(); err == nil {
		sooner(renewal(serving))
		if len(state.Previous) > 0 {
			sooner(issued(serving).Add(policy.Overlap))
		}
	}
	if next, err := state.Next.parse(); err == nil {
		sooner(issued(next).Add(policy.Overlap))
	}
	if active, err := state.Active.parse(); err == nil && state.Next.empty() && len(state.Previous) == 0 {
		sooner(renewal(active))
		if demanded(state, policy) {
			sooner(now)
		}
	}
	return at
}

func issued(certificate *x509.Certificate) time.Time { return certificate.NotBefore.Add(backdate) }

// renewal is at two thirds of a certificate's life.
func renewal(certificate *x509.Certificate) time.Time {
	return certificate.NotBefore.Add(certificate.NotAfter.Sub(certificate.NotBefore) / 3 * 2)
}
