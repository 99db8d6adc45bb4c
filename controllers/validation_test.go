package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// base has a valid object of each kind, which the entries below change in one place.
var base = map[string]string{
	"HelpDesk":         `{defaultTeamRef: {name: care}}`,
	"SupportTeam":      `{helpDeskRef: {name: acme}}`,
	"Tier":             `{teamRef: {name: care}, level: 1, agentSelector: {}}`,
	"Queue":            `{tierRef: {name: frontline}}`,
	"Agent":            `{teamRef: {name: care}}`,
	"RoutingPolicy":    `{teamRef: {name: care}}`,
	"BusinessCalendar": `{timeZone: Europe/Berlin, hours: [{days: [Mon], from: "09:00", to: "17:00"}]}`,
	"ServiceLevel":     `{targets: [{priority: Low, resolution: 8h}]}`,
	"EscalationPolicy": `{triggers: [{type: Requested}], steps: [{name: s, after: 0s, actions: [{type: TransferToNextLevel}]}]}`,
	"OnCallRotation":   `{teamRef: {name: care}, layers: [{` + onCallLayer + `}]}`,
	"OnCallOverride":   `{rotationRef: {name: r}, agentRef: {name: jo}, startTime: "2026-12-12T00:00:00Z", endTime: "2026-12-14T00:00:00Z"}`,
}

// onCallLayer of two who take turns by the day.
const onCallLayer = `name: first, timeZone: Europe/Berlin, startDate: "2026-11-02", handOff: {time: "18:00"}, turn: {every: 1, unit: Day}, ` +
	`members: [{agentRef: {name: jo}}, {agentRef: {name: sam}}]`

// layer of a rotation with one field replaced or added, as the whole list.
func layer(field, value string) string {
	var fields map[string]any
	Expect(yaml.Unmarshal([]byte("{"+onCallLayer+"}"), &fields)).To(Succeed())
	delete(fields, field)
	rest, err := json.Marshal(fields)
	Expect(err).NotTo(HaveOccurred())
	return "[{" + field + ": " + value + ", " + strings.TrimPrefix(string(rest), "{") + "]"
}

// weekly layer of a rotation with a hand-off.
func weekly(handOff string) string {
	return strings.Replace(layer("handOff", handOff), `"unit":"Day"`, `"unit":"Week"`, 1)
}

const (
	required = "Required value"
	tooMany  = "must have at most"
	long     = "may not be more than"
	supports = "Unsupported value"
	matches  = "should match"
	aSpan    = "must be a span of time like 30s"
	aTime    = "must be a time of day like 09:00"
	aDate    = "must be a day of the calendar like 2026-12-24"
	aZone    = "must be a zone of the tz database"
	atLeast  = "should be greater than or equal to"
	atMost   = "should be less than or equal to"
)

// repeated is a YAML list of n items made by the format from their index.
func repeated(n int, format string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = strings.ReplaceAll(format, "%d", fmt.Sprint(i))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func mailNotifier(from string) string {
	return `[{name: m, type: Mail, urlSecretRef: {name: s}, mail: {from: "` + from + `"}}]`
}

// contact of an agent, as the whole list.
func contact(fields string) string { return "[{notifier: chat, address: jo, " + fields + "}]" }

// rules with names as long as they may be: what the schema asks of them must not cost too much.
func rules(n int) string {
	return repeated(n, "{name: "+strings.Repeat("r", 60)+"%d, queueRef: {name: q}}")
}

// stages of relaxation that begin at those times and ask nothing.
func stages(after ...string) string {
	items := make([]string, len(after))
	for i, d := range after {
		items[i] = "{after: " + d + ", requirements: {}}"
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// rule of a policy, as the whole list.
func rule(fields string) string { return "[{name: r, queueRef: {name: q}, " + fields + "}]" }

// steps of an escalation policy.
func steps(n int) string {
	return repeated(n, "{name: s%d, after: %dm, actions: [{type: TransferToNextLevel}]}")
}

// absences of an agent from and to.
func absences(n int, from, to string) string {
	return repeated(n, fmt.Sprintf("{reason: Leave, startTime: %q, endTime: %q}", from, to))
}

// step of an escalation policy with one action, as the whole list.
func step(action string) string { return "[{name: s, after: 0s, actions: [" + action + "]}]" }

var _ = Describe("The kube-apiserver", Ordered, ContinueOnFailure, func() {
	var namespace string
	BeforeAll(func() {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "schema-"}}
		Expect(k8s.Create(context.Background(), n)).To(Succeed())
		namespace = n.Name
	})

	// declared is an object of the kind with one field set.
	declared := func(kind, field, value string) *unstructured.Unstructured {
		GinkgoHelper()
		object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind}}
		object.SetGenerateName("a-")
		object.SetNamespace(namespace)
		var spec map[string]any
		Expect(yaml.Unmarshal([]byte(base[kind]), &spec)).To(Succeed())
		object.Object["spec"] = spec
		var parsed any
		Expect(yaml.Unmarshal([]byte(value), &parsed)).To(Succeed())
		if field == "metadata.name" {
			object.SetGenerateName("")
		}
		path := strings.Split(field, ".")
		if value == "absent" {
			unstructured.RemoveNestedField(object.Object, path...)
		} else {
			Expect(unstructured.SetNestedField(object.Object, runtime.DeepCopyJSONValue(parsed), path...)).To(Succeed())
		}
		return object
	}

	// create tries one. Nothing is kept.
	create := func(kind, field, value string) error {
		GinkgoHelper()
		object := declared(kind, field, value)
		return k8s.Create(context.Background(), object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
	}

	// Every rule and bound: one value it takes and one it refuses, with what it says.
	DescribeTable("judges", func(kind, field, good, bad, message string) {
		Expect(create(kind, field, good)).To(Succeed())
		Expect(create(kind, field, bad)).To(MatchError(ContainSubstring(message)))
	},
		func(kind, field, _, bad, _ string) string {
			return fmt.Sprintf("%s %s: %.40s", kind, field, bad)
		},

		// Names and references.
		Entry(nil, "HelpDesk", "metadata.name", strings.Repeat("a", 40), strings.Repeat("a", 41), "may have at most 40 characters"),
		Entry(nil, "HelpDesk", "metadata.name", "acme-2", "2-acme", "must start with a letter"),
		Entry(nil, "HelpDesk", "metadata.name", "acme", "acme.eu", "must start with a letter and have only lower case letters"),
		Entry(nil, "Tier", "metadata.name", strings.Repeat("a", 50), strings.Repeat("a", 51), "may have at most 50 characters"),
		Entry(nil, "HelpDesk", "spec.defaultTeamRef", "{name: care}", "absent", required),
		Entry(nil, "SupportTeam", "spec.helpDeskRef", "{name: acme}", "absent", required),
		Entry(nil, "Tier", "spec.teamRef", "{name: care}", "absent", required),
		Entry(nil, "Queue", "spec.tierRef", "{name: frontline}", "absent", required),
		Entry(nil, "Agent", "spec.teamRef", "{name: care}", "absent", required),
		Entry(nil, "RoutingPolicy", "spec.teamRef", "{name: care}", "absent", required),
		Entry(nil, "Queue", "spec.tierRef", "{name: a.b-c}", "{name: Front_Line}", "must be an object's name: lower case letters, digits"),
		Entry(nil, "Queue", "spec.tierRef", "{name: a}", `{name: ""}`, "at least 1 char"),
		Entry(nil, "Agent", "spec.managerRef", "{name: "+strings.Repeat("a", 253)+"}", "{name: "+strings.Repeat("a", 254)+"}", long),
		Entry(nil, "SupportTeam", "spec.parentTeamRef", "{name: all}", "{nam: all}", "unknown field"),
		Entry(nil, "SupportTeam", "spec.leadRef", "{name: mara}", "{}", required),
		Entry(nil, "SupportTeam", "spec.defaultQueueRef", "{name: general}", "{}", required),

		// HelpDesk.
		Entry(nil, "HelpDesk", "spec.storage", "{type: Embedded}", "{type: Postgres}", supports),
		Entry(nil, "HelpDesk", "spec.storage", "{embedded: {size: 64Mi}}", "{embedded: {size: 63Mi}}", "must be at least 64Mi"),
		Entry(nil, "HelpDesk", "spec.storage", "{embedded: {size: 100000000}}", "{embedded: {size: 0}}", "must be at least 64Mi"),
		Entry(nil, "HelpDesk", "spec.storage", "{embedded: {storageClassName: fast}}", "{embedded: {storageClassName: Fast!}}", "must be an object's name"),
		Entry(nil, "HelpDesk", "spec.deletionPolicy", "Delete", "Keep", supports),
		Entry(nil, "HelpDesk", "spec.reopenWindow", "1h30m", "1.5h", aSpan),
		Entry(nil, "HelpDesk", "spec.reopenWindow", "72h", "never", aSpan),
		Entry(nil, "HelpDesk", "spec.maxMissedOffers", "1", "0", atLeast),
		Entry(nil, "HelpDesk", "spec.maxMissedOffers", "100", "101", atMost),
		Entry(nil, "HelpDesk", "spec.notifiers", "[{name: chat, urlSecretRef: {name: s, key: url}}]", "[{name: chat}]", required),
		Entry(nil, "HelpDesk", "spec.notifiers", "[{name: chat, urlSecretRef: {name: s}}]", "[{name: chat, urlSecretRef: {key: url}}]", required),
		Entry(nil, "HelpDesk", "spec.notifiers", "[{name: c, urlSecretRef: {name: s, key: tls.crt}}]", "[{name: c, urlSecretRef: {name: s, key: a/b}}]", matches),
		Entry(nil, "HelpDesk", "spec.notifiers", "[{name: c, urlSecretRef: {name: s}}]", "[{name: ../c, urlSecretRef: {name: s}}]", matches),
		Entry(nil, "HelpDesk", "spec.notifiers", "[{name: c, type: Chat, urlSecretRef: {name: s}}]", "[{name: c, type: Pager, urlSecretRef: {name: s}}]", supports),
		Entry(nil, "HelpDesk", "spec.notifiers", mailNotifier("desk@example.com"), "[{name: m, type: Mail, urlSecretRef: {name: s}}]", "type Mail needs mail with the sender"),
		Entry(nil, "HelpDesk", "spec.notifiers", mailNotifier("Acme Support <desk@example.com>"), "[{name: c, urlSecretRef: {name: s}, mail: {from: a@b}}]", "no other type has it"),
		Entry(nil, "HelpDesk", "spec.notifiers", mailNotifier("a@b"), mailNotifier("Acme Support"), matches),
		Entry(nil, "HelpDesk", "spec.notifiers", mailNotifier("a@b"), mailNotifier(`a@b\nBcc: c@d`), matches),
		Entry(nil, "HelpDesk", "spec.notifiers", repeated(16, "{name: n%d, urlSecretRef: {name: s}}"), repeated(17, "{name: n%d, urlSecretRef: {name: s}}"), tooMany),
		Entry(nil, "HelpDesk", "spec.notifiers", repeated(2, "{name: n%d, urlSecretRef: {name: s}}"), "[{name: n, urlSecretRef: {name: s}}, {name: n, urlSecretRef: {name: s}}]", "Duplicate value"),
		Entry(nil, "HelpDesk", "spec.externalURL", "https://example.com/support/", "support.example.com", "must be an absolute http or https URL without query"),
		Entry(nil, "HelpDesk", "spec.externalURL", "http://localhost:8080", "https://example.com/?a=b", "must be an absolute http or https URL without query"),
		Entry(nil, "HelpDesk", "spec.externalURL", "https://a/"+strings.Repeat("a", 2038), "https://a/"+strings.Repeat("a", 2039), long),
		Entry(nil, "HelpDesk", "spec.webhooks", "[{name: a, url: 'https://example.com/hook'}]", "[{name: a, url: 'example.com/hook'}]", "must be an absolute http or https URL"),
		Entry(nil, "HelpDesk", "spec.webhooks", "[{name: a, url: 'http://sink.svc:8080'}]", "[{name: a, url: 'ftp://example.com'}]", "must be an absolute http or https URL"),
		Entry(nil, "HelpDesk", "spec.webhooks", "[{name: a, url: 'http://a'}]", "[{name: A, url: 'http://a'}]", matches),
		Entry(nil, "HelpDesk", "spec.webhooks", "[{name: a, url: 'http://a'}]", "[{name: a, url: 'http://a'}, {name: a, url: 'http://b'}]", "Duplicate value"),
		Entry(nil, "HelpDesk", "spec.webhooks", repeated(16, "{name: w%d, url: 'http://a'}"), repeated(17, "{name: w%d, url: 'http://a'}"), tooMany),
		Entry(nil, "HelpDesk", "spec.webhooks", "[{name: a, url: 'http://a', events: [Opened, Closed]}]", "[{name: a, url: 'http://a', events: [Seen]}]", supports),
		Entry(nil, "HelpDesk", "spec.webhooks", "[{name: a, url: 'http://a/"+strings.Repeat("a", 2039)+"'}]", "[{name: a, url: 'http://a/"+strings.Repeat("a", 2040)+"'}]", long),

		// SupportTeam.
		Entry(nil, "SupportTeam", "spec.defaults", "{languages: [de, pt-BR]}", "{languages: [German]}", matches),
		Entry(nil, "SupportTeam", "spec.defaults", "{limits: [{channel: Chat, max: 50}]}", "{limits: [{channel: Chat, max: 51}]}", atMost),
		Entry(nil, "SupportTeam", "spec.defaults", "{limits: [{channel: Chat, max: 1}]}", "{limits: [{channel: Chat, max: 0}]}", atLeast),
		Entry(nil, "SupportTeam", "spec.defaults", "{limits: [{channel: Chat, max: 1}]}", "{limits: [{channel: chat, max: 1}]}", matches),
		Entry(nil, "SupportTeam", "spec.defaults", "{limits: "+repeated(32, "{channel: C%d, max: 1}")+"}", "{limits: "+repeated(33, "{channel: C%d, max: 1}")+"}", tooMany),

		Entry(nil, "SupportTeam", "spec.structure", "Tiered", "Chaos", supports),

		// Tier.
		Entry(nil, "Tier", "spec.level", "1", "0", atLeast),
		Entry(nil, "Tier", "spec.level", "10", "11", atMost),
		Entry(nil, "Tier", "spec.replicas", "0", "-1", atLeast),
		Entry(nil, "Tier", "spec.replicas", "100", "101", atMost),
		Entry(nil, "Tier", "spec.agentSelector", "{}", "absent", required),
		Entry(nil, "Tier", "spec.worker", "{resources: {requests: {cpu: 100m}}}", "{resources: {requests: {cpu: fast}}}", matches),

		// Queue.
		Entry(nil, "Queue", "spec.channels", "[Phone, Chat]", "[Phone, Phone]", "Duplicate value"),
		Entry(nil, "Queue", "spec.channels", repeated(32, "C%d"), repeated(33, "C%d"), tooMany),
		Entry(nil, "Queue", "spec.priority", "1000", "1001", atMost),
		Entry(nil, "Queue", "spec.priority", "-1000", "-1001", atLeast),
		Entry(nil, "Queue", "spec.requirements", "{skills: [{name: editor, minLevel: 5}]}", "{skills: [{name: editor, minLevel: 6}]}", atMost),
		Entry(nil, "Queue", "spec.requirements", "{skills: [{name: editor}]}", "{skills: [{name: editor, minLevel: 0}]}", atLeast),
		Entry(nil, "Queue", "spec.requirements", "{skills: [{name: editor}]}", "{skills: [{name: The Editor}]}", matches),
		Entry(nil, "Queue", "spec.requirements", "{skills: "+repeated(16, "{name: s%d}")+"}", "{skills: "+repeated(17, "{name: s%d}")+"}", tooMany),
		Entry(nil, "Queue", "spec.requirements", "{languageMatch: Preferred}", "{languageMatch: Maybe}", supports),
		Entry(nil, "Queue", "spec.strategy", "RoundRobin", "Random", supports),
		Entry(nil, "Queue", "spec.offer", "{mode: Auto}", "{mode: Push}", supports),
		Entry(nil, "Queue", "spec.offer", "{timeout: 5s}", "{timeout: 4s}", "offer.timeout must be from 5s to 24h"),
		Entry(nil, "Queue", "spec.offer", "{timeout: 24h}", "{timeout: 24h1s}", "offer.timeout must be from 5s to 24h"),
		Entry(nil, "Queue", "spec.relaxation", stages("10m", "30m"), stages("30m", "10m"), "each stage of relaxation must begin later than the one before"),
		Entry(nil, "Queue", "spec.relaxation", stages("60s"), stages("60s", "1m"), "each stage of relaxation must begin later than the one before"),
		Entry(nil, "Queue", "spec.relaxation", stages("1s", "720h"), stages("0s"), "relaxation.after must be from 1s to 720h"),
		Entry(nil, "Queue", "spec.relaxation", stages("1s", "2s", "3s", "4s", "5s", "6s", "7s", "8s"), stages("1s", "2s", "3s", "4s", "5s", "6s", "7s", "8s", "9s"), tooMany),
		Entry(nil, "Queue", "spec.relaxation", stages("10m"), "[]", "at least 1 items"),
		Entry(nil, "Queue", "spec.relaxation", "[{after: 10m, requirements: {languageMatch: Ignored}}]", "[{after: 10m}]", required),
		Entry(nil, "Queue", "spec.overflow", "{after: 2h, queueRef: {name: technical}}", "{after: 2h}", required),
		Entry(nil, "Queue", "spec.overflow", "{queueRef: {name: technical}}", "{after: 721h, queueRef: {name: technical}}", "overflow.after must be from 1s to 720h"),
		Entry(nil, "Queue", "spec.waitingLimit", "{max: 1, whenFull: Reject}", "{max: 0, whenFull: Reject}", atLeast),
		Entry(nil, "Queue", "spec.waitingLimit", "{max: 1000000, whenFull: Reject}", "{max: 1000001, whenFull: Reject}", atMost),
		Entry(nil, "Queue", "spec.waitingLimit", "{max: 500, whenFull: Reject}", "{max: 500}", required),
		Entry(nil, "Queue", "spec.waitingLimit", "{max: 500, whenFull: Reject}", "{max: 500, whenFull: Drop}", supports),
		Entry(nil, "Queue", "spec", "{tierRef: {name: t}, waitingLimit: {max: 500, whenFull: Overflow}, overflow: {queueRef: {name: technical}}}",
			"{tierRef: {name: t}, waitingLimit: {max: 500, whenFull: Overflow}}", "waitingLimit.whenFull: Overflow needs overflow.queueRef"),
		Entry(nil, "Queue", "spec.state", "Paused", "Shut", supports),

		// Agent.
		Entry(nil, "Agent", "spec.displayName", "Jo", `""`, "at least 1 char"),
		Entry(nil, "Agent", "spec.displayName", strings.Repeat("a", 128), strings.Repeat("a", 129), long),
		Entry(nil, "Agent", "spec.subject", "{kind: User, name: jo@example.com}", "{kind: Group, name: all}", supports),
		Entry(nil, "Agent", "spec.subject", "{kind: ServiceAccount, name: jo}", "{kind: ServiceAccount}", required),
		Entry(nil, "Agent", "spec.roles", "[Agent, Mentor]", "[Boss]", supports),
		Entry(nil, "Agent", "spec.skills", "[{name: editor, level: 5}]", "[{name: editor, level: 6}]", atMost),
		Entry(nil, "Agent", "spec.skills", "[{name: editor, level: 1}]", "[{name: editor}]", required),
		Entry(nil, "Agent", "spec.skills", "[{name: a, level: 1}, {name: b, level: 1}]", "[{name: a, level: 1}, {name: a, level: 2}]", "Duplicate value"),
		Entry(nil, "Agent", "spec.skills", repeated(64, "{name: s%d, level: 1}"), repeated(65, "{name: s%d, level: 1}"), tooMany),
		Entry(nil, "Agent", "spec.languages", repeated(32, "de-x%da"), repeated(33, "de-x%da"), tooMany),
		Entry(nil, "Agent", "spec.assignments", repeated(128, "{queueRef: {name: q%d}}"), repeated(129, "{queueRef: {name: q%d}}"), tooMany),
		Entry(nil, "Agent", "spec.assignments", "[{queueRef: {name: q}}]", "[{}]", required),
		Entry(nil, "Agent", "spec.contacts", "[{notifier: chat, address: '@jo'}]", "[{notifier: chat}]", required),
		Entry(nil, "Agent", "spec.contacts", "[{notifier: chat, address: '#ops team'}]", "[{address: '@jo'}]", required),
		Entry(nil, "Agent", "spec.contacts", "[{notifier: chat, address: jo}]", "[{notifier: Chat!, address: jo}]", matches),
		Entry(nil, "Agent", "spec.contacts", "[{notifier: chat, address: jo}]", `[{notifier: chat, address: "a\nb"}]`, matches),
		Entry(nil, "Agent", "spec.contacts", "[{notifier: chat, address: "+strings.Repeat("a", 320)+"}]", "[{notifier: chat, address: "+strings.Repeat("a", 321)+"}]", long),
		Entry(nil, "Agent", "spec.contacts", repeated(8, "{notifier: chat, address: a%d}"), repeated(9, "{notifier: chat, address: a%d}"), tooMany),
		Entry(nil, "Agent", "spec.contacts", contact("after: 1h30m"), contact("after: soon"), aSpan),
		Entry(nil, "Agent", "spec.contacts", contact(`quietHours: {from: "22:00", to: "07:00", timeZone: Europe/Berlin}`), contact(`quietHours: {from: "22:00", to: "24:00", timeZone: UTC}`), aTime),
		Entry(nil, "Agent", "spec.contacts", contact(`quietHours: {from: "22:00", to: "07:00", timeZone: America/Port-au-Prince}`), contact(`quietHours: {from: "22:00", to: "07:00", timeZone: ../UTC}`), aZone),
		Entry(nil, "Agent", "spec.contacts", contact(`quietHours: {from: "22:00", to: "21:59", timeZone: Etc/GMT+5}`), contact(`quietHours: {from: "22:00", to: "22:00", timeZone: UTC}`), "would never end: leave the contact out"),
		Entry(nil, "Agent", "spec.contacts", contact(`quietHours: {from: "22:00", to: "07:00", timeZone: UTC}`), contact(`quietHours: {from: "22:00", to: "07:00"}`), required),

		Entry(nil, "Agent", "spec.approvalLimit", "{amount: 0, currency: EUR}", "{amount: -1, currency: EUR}", atLeast),
		Entry(nil, "Agent", "spec.approvalLimit", "{amount: 200, currency: EUR}", "{currency: EUR}", required),
		Entry(nil, "Agent", "spec.approvalLimit", "{amount: 200, currency: EUR}", "{amount: 200, currency: Euro}", long),

		// RoutingPolicy.
		Entry(nil, "RoutingPolicy", "spec.rules", "[{name: r, teamRef: {name: t}}]", "[{name: r}]", "a rule sends a ticket to exactly one place"),
		Entry(nil, "RoutingPolicy", "spec.rules", "[{name: r, queueRef: {name: q}}]", "[{name: r, queueRef: {name: q}, teamRef: {name: t}}]", "a rule sends a ticket to exactly one place"),
		Entry(nil, "RoutingPolicy", "spec.rules", rules(500), rules(501), tooMany),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("when: '"+strings.Repeat("x", 2048)+"'"), rule("when: '"+strings.Repeat("x", 2049)+"'"), long),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {tags: [vip]}"), rule("match: {}"), "at least 1 properties"),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {channels: [Chat]}"), rule("match: {channels: [chat]}"), matches),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {categories: "+repeated(64, "c%d")+"}"), rule("match: {categories: "+repeated(65, "c%d")+"}"), tooMany),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {products: [a]}"), rule("match: {products: ['']}"), "at least 1 char"),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {regions: ["+strings.Repeat("a", 128)+"]}"), rule("match: {regions: ["+strings.Repeat("a", 129)+"]}"), long),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {priorities: [Urgent, Low]}"), rule("match: {priorities: [ASAP]}"), supports),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {amount: {currency: EUR, min: 1}}"), rule("match: {amount: {currency: EUR}}"), "amount needs min, max or both"),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {amount: {currency: EUR, min: 1, max: 1}}"), rule("match: {amount: {currency: EUR, min: 2, max: 1}}"), "amount.min must not be above amount.max"),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {amount: {currency: EUR, min: 0}}"), rule("match: {amount: {currency: EUR, min: -1}}"), atLeast),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {amount: {currency: EUR, max: 1}}"), rule("match: {amount: {currency: eur, max: 1}}"), matches),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("set: {priority: High}"), rule("set: {}"), "at least 1 properties"),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("set: {addTags: "+repeated(16, "t%d")+"}"), rule("set: {addTags: "+repeated(17, "t%d")+"}"), tooMany),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("match: {customerSegments: [Enterprise]}"), rule("match: {customerSegments: [A, A]}"), "Duplicate value"),

		// BusinessCalendar, schedules and absences.
		Entry(nil, "BusinessCalendar", "spec.helpDeskRef", "{name: acme}", "{name: Acme}", "must be an object's name"),
		Entry(nil, "BusinessCalendar", "spec.timeZone", "America/Argentina/Buenos_Aires", "'Berlin, Germany'", aZone),
		Entry(nil, "BusinessCalendar", "spec.timeZone", "Etc/GMT+3", "absent", required),
		Entry(nil, "BusinessCalendar", "spec.hours", `[{days: [Sat, Sun], from: "22:00", to: "06:00"}]`, `[{days: [Saturday], from: "22:00", to: "06:00"}]`, supports),
		Entry(nil, "BusinessCalendar", "spec.hours", `[{days: [Sat], from: "00:00", to: "00:00"}]`, `[{days: [Sat], from: "00:00", to: "24:00"}]`, aTime),
		Entry(nil, "BusinessCalendar", "spec.hours", "[]", `[{days: [], from: "09:00", to: "17:00"}]`, "should have at least 1 items"),
		Entry(nil, "BusinessCalendar", "spec.hours", `[{days: [Sat], from: "09:00", to: "17:00"}]`, `[{days: [Sat, Sat], from: "09:00", to: "17:00"}]`, "Duplicate value"),
		Entry(nil, "BusinessCalendar", "spec.hours", `[{days: [Sat], from: "09:00", to: "17:00"}]`, `[{days: [Sat], from: "09:00"}]`, required),
		Entry(nil, "BusinessCalendar", "spec.hours", repeated(64, `{days: [Sat], from: "09:00", to: "17:00"}`), repeated(65, `{days: [Sat], from: "09:00", to: "17:00"}`), tooMany),
		Entry(nil, "BusinessCalendar", "spec.holidays", `[{name: New Year, yearly: "01-01"}]`, `[{name: New Year}]`, "either on one date or yearly"),
		Entry(nil, "BusinessCalendar", "spec.holidays", `[{name: x, date: "2027-03-12"}]`, `[{name: x, date: "2027-03-12", yearly: "03-12"}]`, "either on one date or yearly"),
		Entry(nil, "BusinessCalendar", "spec.holidays", `[{name: x, date: "2027-03-12"}]`, `[{name: x, date: "2027-02-29"}]`, aDate),
		Entry(nil, "BusinessCalendar", "spec.holidays", `[{name: x, yearly: "12-24"}]`, `[{name: x, yearly: "24-12"}]`, "must be a month and a day of it"),
		Entry(nil, "BusinessCalendar", "spec.holidays", repeated(256, `{name: x, yearly: "12-24"}`), repeated(257, `{name: x, yearly: "12-24"}`), tooMany),
		Entry(nil, "SupportTeam", "spec.defaults", "{schedule: {calendarRef: {name: office}}}", "{schedule: {}}", "say by what the duty goes"),
		Entry(nil, "SupportTeam", "spec.defaults", "{handOver: {absence: Colleague, agentRef: {name: jo}}}", "{handOver: {absence: Colleague}}", "agentRef names the colleague"),
		Entry(nil, "SupportTeam", "spec.defaults", "{handOver: {shiftEnd: Colleague, agentRef: {name: jo}}}", "{handOver: {shiftEnd: ReturnToQueue, agentRef: {name: jo}}}", "agentRef names the colleague"),
		Entry(nil, "SupportTeam", "spec.defaults", "{handOver: {}}", "{handOver: {absence: Drop}}", supports),
		Entry(nil, "Agent", "spec.schedule", "{calendarRef: {name: office}}", "{}", "say by what the duty goes"),
		Entry(nil, "Agent", "spec.schedule", "{rotationRef: {name: nights}}", "{rotationRef: {name: nights}, calendarRef: {name: office}}", "one of the two"),
		Entry(nil, "Agent", "spec.absences", absences(1, "2026-12-21T00:00:00+01:00", "2026-12-21T00:00:01+01:00"), absences(1, "2026-12-21T00:00:00+01:00", "2026-12-20T23:00:00Z"), "endTime must come after startTime"),
		Entry(nil, "Agent", "spec.absences", absences(64, "2026-12-21T00:00:00Z", "2026-12-22T00:00:00Z"), absences(65, "2026-12-21T00:00:00Z", "2026-12-22T00:00:00Z"), tooMany),
		Entry(nil, "Agent", "spec.absences", `[{reason: Sick, startTime: "2026-12-21T00:00:00Z", endTime: "2026-12-22T00:00:00Z"}]`, `[{reason: Sick, startTime: "2026-12-21", endTime: "2026-12-22T00:00:00Z"}]`, "date-time"),
		Entry(nil, "Agent", "spec.absences", `[{reason: Sick, startTime: "2026-12-21T00:00:00Z", endTime: "2026-12-22T00:00:00Z"}]`, `[{reason: on holiday, startTime: "2026-12-21T00:00:00Z", endTime: "2026-12-22T00:00:00Z"}]`, matches),
		Entry(nil, "Agent", "spec.absences", `[{reason: Sick, startTime: "2026-12-21T00:00:00Z", endTime: "2026-12-22T00:00:00Z"}]`, `[{reason: Sick, startTime: "2026-12-21T00:00:00Z"}]`, required),

		Entry(nil, "Agent", "spec.assignments", `[{queueRef: {name: q}, startTime: "2026-12-01T00:00:00Z", endTime: "2026-12-15T00:00:00Z"}]`,
			`[{queueRef: {name: q}, startTime: "2026-12-15T00:00:00Z", endTime: "2026-12-15T00:00:00Z"}]`, "endTime must come after startTime"),
		Entry(nil, "Agent", "spec.assignments", `[{queueRef: {name: q}, endTime: "2026-12-15T00:00:00Z"}]`, `[{queueRef: {name: q}, endTime: "soon"}]`, "date-time"),
		Entry(nil, "Agent", "spec.rampUp", `{from: "2026-11-16", weeks: 104, startPercent: 99}`, `{from: "2026-11-16", weeks: 105, startPercent: 40}`, atMost),
		Entry(nil, "Agent", "spec.rampUp", `{from: "2026-11-16", weeks: 1, startPercent: 1}`, `{from: "2026-11-16", weeks: 6, startPercent: 100}`, atMost),
		Entry(nil, "Agent", "spec.rampUp", `{from: "2026-11-16", weeks: 6, startPercent: 40}`, `{weeks: 6, startPercent: 40}`, required),

		// ServiceLevel.
		Entry(nil, "ServiceLevel", "spec.helpDeskRef", "{name: acme}", "{name: Acme}", "must be an object's name"),
		Entry(nil, "ServiceLevel", "spec.calendarRef", "{name: office}", "{}", required),
		Entry(nil, "ServiceLevel", "spec.warnAtPercent", "1", "0", atLeast),
		Entry(nil, "ServiceLevel", "spec.warnAtPercent", "99", "100", atMost),
		Entry(nil, "ServiceLevel", "spec.targets", "[{priority: Urgent, firstResponse: 15m, nextResponse: 30m, resolution: 4h}]", "absent", required),
		Entry(nil, "ServiceLevel", "spec.targets", "[{priority: Low, resolution: 1h}]", "[]", "should have at least 1 items"),
		Entry(nil, "ServiceLevel", "spec.targets", "[{priority: Low, resolution: 1h}]", "[{resolution: 1h}]", required),
		Entry(nil, "ServiceLevel", "spec.targets", "[{priority: Low, resolution: 1h}]", "[{priority: Minor, resolution: 1h}]", supports),
		Entry(nil, "ServiceLevel", "spec.targets", "[{priority: Low, resolution: 1h}, {priority: High, resolution: 1h}]", "[{priority: Low, resolution: 1h}, {priority: Low, firstResponse: 1h}]", "Duplicate value"),
		Entry(nil, "ServiceLevel", "spec.targets", "[{priority: Low, nextResponse: 1h}]", "[{priority: Low}]", "at least one of firstResponse, nextResponse and resolution"),
		Entry(nil, "ServiceLevel", "spec.targets", "[{priority: Low, nextResponse: 1s}]", "[{priority: Low, resolution: 1h, nextResponse: 0s}]", "a target must be 1s or longer"),
		Entry(nil, "ServiceLevel", "spec.targets", "[{priority: Low, firstResponse: 99999h}]", "[{priority: Low, firstResponse: 3 days}]", aSpan),
		Entry(nil, "SupportTeam", "spec.defaults", "{serviceLevelRef: {name: standard}}", "{serviceLevelRef: {}}", required),
		Entry(nil, "RoutingPolicy", "spec.rules", rule("set: {serviceLevelRef: {name: gold}}"), rule("set: {serviceLevelRef: {name: Gold!}}"), "must be an object's name"),

		// EscalationPolicy.
		Entry(nil, "SupportTeam", "spec.defaults", "{escalationPolicyRef: {name: standard}}", "{escalationPolicyRef: {}}", required),
		Entry(nil, "EscalationPolicy", "spec.helpDeskRef", "{name: acme}", "{name: Acme}", "must be an object's name"),
		Entry(nil, "EscalationPolicy", "spec.triggers", "[{type: Unassigned, after: 20m}]", "[{type: Unassigned}]", "after says how long a ticket may be Unassigned"),
		Entry(nil, "EscalationPolicy", "spec.triggers", "[{type: Reopened}]", "[{type: Reopened, after: 20m}]", "after says how long a ticket may be Unassigned"),
		Entry(nil, "EscalationPolicy", "spec.triggers", "[{type: Matches, when: 'true'}]", "[{type: Matches}]", "when is the expression of type Matches"),
		Entry(nil, "EscalationPolicy", "spec.triggers", "[{type: Requested}]", "[{type: Late}]", supports),
		Entry(nil, "EscalationPolicy", "spec.triggers", "[{type: Requested}]", "[]", "should have at least 1 items"),
		Entry(nil, "EscalationPolicy", "spec.triggers", repeated(16, "{type: Matches, when: 'true'}"), repeated(17, "{type: Matches, when: 'true'}"), tooMany),
		Entry(nil, "EscalationPolicy", "spec.steps", steps(10), steps(11), tooMany),
		Entry(nil, "EscalationPolicy", "spec.steps", steps(1), "absent", required),
		Entry(nil, "EscalationPolicy", "spec.steps", step("{type: NotifyAgent, agentRef: {name: jo}}"), step("{type: NotifyAgent}"), "agentRef says who is notified by NotifyAgent"),
		Entry(nil, "EscalationPolicy", "spec.steps", step("{type: NotifyOnCall, rotationRef: {name: r}}"), step("{type: NotifyOnCall}"), "rotationRef says who is notified by NotifyOnCall"),
		Entry(nil, "EscalationPolicy", "spec.steps", step("{type: NotifyChain, chain: Lead}"), step("{type: NotifyChain}"), "chain says who is notified by NotifyChain"),
		Entry(nil, "EscalationPolicy", "spec.steps", step("{type: NotifyChain, chain: Manager}"), step("{type: NotifyChain, chain: Owner}"), supports),
		Entry(nil, "EscalationPolicy", "spec.steps", step("{type: TransferToQueue, queueRef: {name: q}}"), step("{type: TransferToNextLevel, queueRef: {name: q}}"), "queueRef says where TransferToQueue hands the ticket"),
		Entry(nil, "EscalationPolicy", "spec.steps", step("{type: RaisePriority, priority: High}"), step("{type: RaisePriority}"), "priority says what RaisePriority raises to"),
		Entry(nil, "EscalationPolicy", "spec.steps", step("{type: Webhook, webhook: pager}"), step("{type: Webhook}"), "webhook names the HelpDesk's webhook that is called"),
		Entry(nil, "EscalationPolicy", "spec.steps", "[{name: s, after: 5m, notify: RoundRobin, actions: [{type: TransferToNextLevel}]}]", "[{name: s, after: 5m, notify: Some, actions: [{type: TransferToNextLevel}]}]", supports),
		Entry(nil, "EscalationPolicy", "spec.repeat", "{times: 10, every: 1h}", "{times: 11, every: 1h}", atMost),
		Entry(nil, "EscalationPolicy", "spec.repeat", "{times: 1, every: 1h}", "{times: 1}", required),
		Entry(nil, "EscalationPolicy", "spec.acknowledgementTimeout", "30m", "soon", aSpan),

		// OnCallRotation.
		Entry(nil, "OnCallRotation", "metadata.name", strings.Repeat("a", 50), strings.Repeat("a", 51), "may have at most 50 characters"),
		Entry(nil, "OnCallRotation", "spec.teamRef", "{name: care}", "absent", required),
		Entry(nil, "OnCallRotation", "spec.rollout", "Immediate", "Never", supports),
		Entry(nil, "OnCallRotation", "spec.layers", "[{"+onCallLayer+"}]", "absent", required),
		Entry(nil, "OnCallRotation", "spec.layers", "[{"+onCallLayer+"}]", "[]", "should have at least 1 items"),
		Entry(nil, "OnCallRotation", "spec.layers", repeated(8, "{"+strings.Replace(onCallLayer, "first", "l%d", 1)+"}"), repeated(9, "{"+strings.Replace(onCallLayer, "first", "l%d", 1)+"}"), tooMany),
		Entry(nil, "OnCallRotation", "spec.layers", repeated(2, "{"+strings.Replace(onCallLayer, "first", "l%d", 1)+"}"), repeated(2, "{"+onCallLayer+"}"), "two layers have the same name"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("name", "second"), layer("name", "Second"), matches),
		Entry(nil, "OnCallRotation", "spec.layers", layer("timeZone", "America/Argentina/Ushuaia"), layer("timeZone", `"../etc"`), aZone),
		Entry(nil, "OnCallRotation", "spec.layers", layer("startDate", `"2028-02-29"`), layer("startDate", `"2027-02-29"`), aDate),
		Entry(nil, "OnCallRotation", "spec.layers", layer("startDate", `"2027-02-09"`), layer("startDate", `2027-2-9`), aDate),
		Entry(nil, "OnCallRotation", "spec.layers", layer("handOff", `{time: "00:00"}`), layer("handOff", `{time: "24:00"}`), aTime),
		Entry(nil, "OnCallRotation", "spec.layers", layer("handOff", `{time: "09:00"}`), layer("handOff", `{time: "9:00"}`), aTime),
		Entry(nil, "OnCallRotation", "spec.layers", layer("handOff", `{time: "23:59"}`), layer("handOff", `{}`), required),
		Entry(nil, "OnCallRotation", "spec.layers", weekly(`{day: Mon, time: "18:00"}`), weekly(`{time: "18:00"}`), "handOff.day is for turns of weeks, which need it"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("handOff", `{time: "18:00"}`), layer("handOff", `{day: Mon, time: "18:00"}`), "handOff.day is for turns of weeks"),
		Entry(nil, "OnCallRotation", "spec.layers", weekly(`{day: Sun, time: "18:00"}`), weekly(`{day: Sonntag, time: "18:00"}`), supports),
		Entry(nil, "OnCallRotation", "spec.layers", strings.Replace(layer("handOff", `{dayOfMonth: 31, time: "18:00"}`), "Day\"", "Month\"", 1), layer("handOff", `{dayOfMonth: 1, time: "18:00"}`), "handOff.dayOfMonth is for turns of months"),
		Entry(nil, "OnCallRotation", "spec.layers", strings.Replace(layer("handOff", `{dayOfMonth: 1, time: "18:00"}`), "Day\"", "Month\"", 1), strings.Replace(layer("handOff", `{dayOfMonth: 32, time: "18:00"}`), "Day\"", "Month\"", 1), atMost),
		Entry(nil, "OnCallRotation", "spec.layers", layer("turn", "{every: 1000, unit: Hour}"), layer("turn", "{every: 1001, unit: Hour}"), atMost),
		Entry(nil, "OnCallRotation", "spec.layers", layer("turn", "{lengths: [2, 2, 3], unit: Day}"), layer("turn", "{every: 1, lengths: [2, 2, 3], unit: Day}"), "one of the two"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("turn", "{lengths: [1, 1], unit: Day}"), layer("turn", "{lengths: [1], unit: Day}"), "should have at least 2 items"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("turn", "{lengths: "+repeated(64, "1")+", unit: Day}"), layer("turn", "{lengths: "+repeated(65, "1")+", unit: Day}"), tooMany),
		Entry(nil, "OnCallRotation", "spec.layers", layer("turn", "{lengths: [1, 2], unit: Day}"), layer("turn", "{lengths: [0, 2], unit: Day}"), atLeast),
		Entry(nil, "OnCallRotation", "spec.layers", layer("turn", "{every: 1, unit: Month}"), layer("turn", "{every: 1, unit: Year}"), supports),
		Entry(nil, "OnCallRotation", "spec.layers", layer("members", repeated(50, "{agentRef: {name: a%d}}")), layer("members", repeated(51, "{agentRef: {name: a%d}}")), tooMany),
		Entry(nil, "OnCallRotation", "spec.layers", layer("members", "[{agentRef: {name: jo}}]"), layer("members", "[]"), "should have at least 1 items"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("members", "[{agentRef: {name: jo}}]"), layer("members", "[{agentRef: {name: jo}}, {agentRef: {name: jo}}]"), "an agent is listed more than once"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("members", `[{agentRef: {name: jo}, from: "2026-12-01", until: "2026-12-02"}]`), layer("members", `[{agentRef: {name: jo}, from: "2026-12-01", until: "2026-12-01"}]`), "until must be after from"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("duty", "{type: Outside, calendarRef: {name: c}}"), layer("duty", "{type: Outside}"), "duty of type During or Outside needs calendarRef"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("duty", "{type: Always}"), layer("duty", "{type: Always, calendarRef: {name: c}}"), "no other type takes it"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("duty", `{type: Windows, windows: [{days: [Mon], from: "20:00", to: "08:00"}]}`), layer("duty", "{type: Windows}"), "duty of type Windows needs windows"),
		Entry(nil, "OnCallRotation", "spec.layers", layer("duty", "{type: During, calendarRef: {name: c}}"), layer("duty", "{type: Sometimes}"), supports),
		Entry(nil, "OnCallRotation", "spec.layers", layer("counting", "OnDuty"), layer("counting", "Never"), supports),
		Entry(nil, "OnCallRotation", "spec.layers", layer("precedence", "Additional"), layer("precedence", "First"), supports),
		Entry(nil, "OnCallRotation", "spec.coverage", "{type: During, calendarRef: {name: c}}", "{type: During}", "coverage of type During or Outside needs calendarRef"),
		Entry(nil, "OnCallRotation", "spec.coverage", "{type: Always}", "{type: Windows}", supports),

		// OnCallOverride.
		Entry(nil, "OnCallOverride", "spec.rotationRef", "{name: r}", "absent", required),
		Entry(nil, "OnCallOverride", "spec.agentRef", "{name: sam}", "absent", required),
		Entry(nil, "OnCallOverride", "spec.replacesAgentRef", "{name: sam}", "{name: jo}", "agentRef and replacesAgentRef name the same agent"),
		Entry(nil, "OnCallOverride", "spec.endTime", `"2026-12-12T00:00:01Z"`, `"2026-12-12T00:00:00Z"`, "endTime must come after startTime"),
		Entry(nil, "OnCallOverride", "spec.startTime", `"2026-12-12T00:00:00+01:00"`, "absent", required),
		Entry(nil, "OnCallOverride", "spec.reason", "Wedding", `"`+strings.Repeat("a", 257)+`"`, long),
	)

	It("refuses a field of two megabytes, and one it does not know", func() {
		Expect(create("Agent", "spec.displayName", strings.Repeat("a", 2<<20))).To(MatchError(ContainSubstring("spec.displayName: Too long")))
		Expect(create("Queue", "spec.chanels", "[Phone]")).To(MatchError(ContainSubstring(`unknown field "spec.chanels"`)))
	})

	DescribeTable("keeps what is immutable", func(kind, field, message string) {
		object := declared(kind, field, "{name: first}")
		Expect(k8s.Create(context.Background(), object)).To(Succeed())
		Expect(unstructured.SetNestedField(object.Object, "second", append(strings.Split(field, "."), "name")...)).To(Succeed())
		Expect(k8s.Update(context.Background(), object)).To(MatchError(ContainSubstring(message)))
		Expect(unstructured.SetNestedField(object.Object, "first", append(strings.Split(field, "."), "name")...)).To(Succeed())
		Expect(k8s.Update(context.Background(), object)).To(Succeed())
	},
		func(kind, field, _ string) string { return kind + " " + field },
		Entry(nil, "SupportTeam", "spec.helpDeskRef", "helpDeskRef is immutable: create the team anew"),
		Entry(nil, "BusinessCalendar", "spec.helpDeskRef", "helpDeskRef is immutable: create the calendar anew"),
		Entry(nil, "ServiceLevel", "spec.helpDeskRef", "helpDeskRef is immutable: create the service level anew"),
		Entry(nil, "EscalationPolicy", "spec.helpDeskRef", "helpDeskRef is immutable: create the policy anew"),
		Entry(nil, "OnCallOverride", "spec.rotationRef", "rotationRef is immutable: create another override"),
	)

	It("fills in what is usual", func() {
		acme := helpDesk("acme")
		acme.Namespace = namespace
		Expect(k8s.Create(context.Background(), acme)).To(Succeed())
		Expect(acme.Spec.Storage.Embedded.Size.String()).To(Equal("10Gi"))
		Expect(acme.Spec.Storage.Type).To(Equal(v1alpha1.StorageEmbedded))
		Expect(acme.Spec.DeletionPolicy).To(Equal(v1alpha1.DeletionRetain))
		Expect(acme.Spec.ReopenWindow).To(BeEquivalentTo("72h"))
		Expect(acme.Spec.MaxMissedOffers).To(BeEquivalentTo(2))
		general := queue("general", "frontline")
		general.Namespace = namespace
		Expect(k8s.Create(context.Background(), general)).To(Succeed())
		Expect(general.Spec.Offer).To(Equal(v1alpha1.Offer{Mode: v1alpha1.OfferManual, Timeout: "30s"}))
		Expect(general.Spec.Strategy).To(Equal(v1alpha1.LeastOccupied))
	})
})
