package certificate

import (
	"crypto/x509"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func policy(rotation string) Policy {
	return Policy{Name: "test", Hosts: []string{"desk.example"}, Rotation: rotation, Overlap: 10 * time.Minute}
}

func advance(t interface{ Fatal(...any) }, s State, p Policy, now time.Time) (State, time.Time) {
	next, again, err := Advance(s, p, now)
	if err != nil {
		t.Fatal(err)
	}
	return next, again
}

// trusted says whether somebody with the bundle takes the state's certificate at the instant.
func trusted(bundle []byte, s State, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	serving, err := s.Serving.parse()
	if err != nil {
		return err
	}
	_, err = serving.Verify(x509.VerifyOptions{Roots: roots, DNSName: "desk.example", CurrentTime: at})
	return err
}

func TestIssueFromNothing(t *testing.T) {
	s, again := advance(t, State{}, policy(""), start)
	if err := trusted(s.Bundle(), s, start); err != nil {
		t.Error(err)
	}
	if err := trusted(s.Bundle(), s, start.Add(-4*time.Minute)); err != nil {
		t.Errorf("a clock that is four minutes behind: %v", err)
	}
	if want := start.Add(ServingLife * 2 / 3).Add(-time.Hour); again.Before(want) || again.After(want.Add(time.Hour)) {
		t.Errorf("looks again at %v, want two thirds of %v after %v", again, ServingLife, start)
	}
	same, _ := advance(t, s, policy(""), start.Add(time.Hour))
	if !same.Active.Equal(s.Active) || !same.Serving.Equal(s.Serving) {
		t.Error("nothing was due, and something was issued")
	}
}

func TestRenewServingUnderTheSameAuthority(t *testing.T) {
	s, again := advance(t, State{}, policy(""), start)
	renewed, _ := advance(t, s, policy(""), again)
	if renewed.Serving.Equal(s.Serving) {
		t.Error("the certificate was not renewed when due")
	}
	if !renewed.Active.Equal(s.Active) {
		t.Error("the authority was replaced along with it")
	}
	if err := trusted(s.Bundle(), renewed, again); err != nil {
		t.Errorf("an old bundle does not trust the renewed certificate: %v", err)
	}
}

func TestRotateInSteps(t *testing.T) {
	s, _ := advance(t, State{}, policy(""), start)
	announced, again := advance(t, s, policy("now"), start)
	if announced.Next.empty() || !announced.Serving.Equal(s.Serving) {
		t.Fatal("first the next authority is announced, and signs nothing")
	}
	switched, again := advance(t, announced, policy("now"), again)
	if switched.Serving.Equal(s.Serving) || len(switched.Previous) == 0 {
		t.Fatal("then it signs, and the previous one stays in the bundle")
	}
	done, _ := advance(t, switched, policy("now"), again)
	if len(done.Previous) > 0 || !done.Serving.Equal(switched.Serving) {
		t.Fatal("then the previous one goes")
	}
	if rest, _ := advance(t, done, policy("now"), again.Add(time.Hour)); !rest.Active.Equal(done.Active) || !rest.Next.empty() {
		t.Error("a demand that was met counts once")
	}
	if rest, again := advance(t, done, policy(""), start.Add(time.Hour)); !rest.Next.empty() || !again.After(start.Add(24*time.Hour)) {
		t.Error("a demand that was taken back demands another rotation")
	}
}

func TestUnreadableIsIssuedAnew(t *testing.T) {
	s, _ := advance(t, State{}, policy(""), start)
	for name, damage := range map[string]func(*State){
		"authority":           func(s *State) { s.Active.Certificate = []byte("x") },
		"authority's key":     func(s *State) { s.Active.Key = nil },
		"certificate":         func(s *State) { s.Serving.Certificate = nil },
		"certificate's key":   func(s *State) { s.Serving.Key = []byte("x") },
		"next authority":      func(s *State) { s.Next = Pair{Certificate: []byte("x"), Key: []byte("x")} },
		"somebody else's key": func(s *State) { s.Serving.Key = s.Active.Key },
	} {
		t.Run(name, func(t *testing.T) {
			broken := s
			damage(&broken)
			mended, _ := advance(t, broken, policy(""), start.Add(time.Hour))
			if err := trusted(mended.Bundle(), mended, start.Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("hosts", func(t *testing.T) {
		other := policy("")
		other.Hosts = []string{"desk.example", "desk.other"}
		if next, _ := advance(t, s, other, start); next.Serving.Equal(s.Serving) {
			t.Error("other hosts need another certificate")
		}
	})
}

// Whoever read the bundle within the overlap trusts what the desk serves, whatever is demanded and whenever the controller
// comes round; and what is served is never expired as long as the controller comes when it said.
func TestNoBreak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, demand := start, ""
		s, again := advance(t, State{}, policy(demand), now)
		type sighting struct {
			at     time.Time
			bundle []byte
		}
		seen := []sighting{{now, s.Bundle()}}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "demand") == 0 {
				demand += "x"
			}
			if due := again.Sub(now); due > 0 && rapid.Bool().Draw(t, "when due") {
				now = again
			} else {
				now = now.Add(min(max(due, 0), time.Duration(rapid.Int64Range(0, int64(30*time.Minute)).Draw(t, "sooner"))))
			}
			s, again = advance(t, s, policy(demand), now)
			seen = append(seen, sighting{now, s.Bundle()})
			for _, sight := range seen {
				if now.Sub(sight.at) >= policy("").Overlap-time.Second {
					continue
				}
				if err := trusted(sight.bundle, s, now); err != nil {
					t.Fatalf("at %v, with the bundle of %v: %v", now, sight.at, err)
				}
			}
		}
	})
}
