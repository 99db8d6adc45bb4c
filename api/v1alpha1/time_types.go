package v1alpha1

// Weekday is a day of the week.
//
// +kubebuilder:validation:Enum=Mon;Tue;Wed;Thu;Fri;Sat;Sun
type Weekday string

const (
	Monday    Weekday = "Mon"
	Tuesday   Weekday = "Tue"
	Wednesday Weekday = "Wed"
	Thursday  Weekday = "Thu"
	Friday    Weekday = "Fri"
	Saturday  Weekday = "Sat"
	Sunday    Weekday = "Sun"
)

// TimeOfDay is what a clock shows, from 00:00 to 23:59.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:XValidation:rule="self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')",message="must be a time of day like 09:00, from 00:00 to 23:59; midnight is 00:00, also as an end"
type TimeOfDay string

// Date is a day of the calendar, such as 2026-12-24.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:XValidation:rule="!format.date().validate(self).hasValue()",message="must be a day of the calendar like 2026-12-24"
type Date string

// TimeZone is a zone of the IANA time zone database, such as Europe/Berlin.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z][-A-Za-z0-9_+]*(/[-A-Za-z0-9_+]+)*$')",message="must be a zone of the tz database, such as Europe/Berlin or UTC"
type TimeZone string

// WeeklyHours are open or served every week.
type WeeklyHours struct {
	// days on which they begin.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	Days []Weekday `json:"days,omitempty"`

	// from is when they begin.
	// +required
	From TimeOfDay `json:"from,omitempty"`

	// to is when they end; if that is not after from, on the next day. From 00:00 to 00:00 is all day.
	// +required
	To TimeOfDay `json:"to,omitempty"`
}
