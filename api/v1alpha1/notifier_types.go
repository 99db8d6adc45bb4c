package v1alpha1

// NotifierType is a kind of way to tell people something.
//
// +kubebuilder:validation:Enum=Chat;Mail
type NotifierType string

const (
	// NotifierChat is a chat or push service.
	NotifierChat NotifierType = "Chat"
	// NotifierMail sends mail.
	NotifierMail NotifierType = "Mail"
)

// SecretKeyReference names a key of a Secret in the same namespace.
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	Name ObjectName `json:"name,omitempty"`

	// key in the Secret's data.
	// +optional
	// +default="url"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// MailNotifier is what only mail has.
type MailNotifier struct {
	// from is the sender, such as support@example.com or Acme Support <support@example.com>.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:Pattern=`^([^<>@\r\n]+<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$`
	From string `json:"from,omitempty"`
}

// Notifier is a way to tell agents of offers, hand-offs and escalations.
//
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'Mail') == has(self.mail)",message="a notifier of type Mail needs mail with the sender, and no other type has it"
type Notifier struct {
	// name of the notifier, unique in the HelpDesk.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// type of service.
	// +optional
	// +default="Chat"
	Type NotifierType `json:"type,omitempty"`

	// urlSecretRef names the URL of the service, which has its credentials. For Chat a shoutrrr URL, such as
	// telegram://TOKEN@telegram?chats={address}: {address} stands for the contact's address; without it all messages go
	// where the URL says, and begin with the address. For Mail the mail server, such as
	// smtps://USER:PASSWORD@mail.example.com, or smtp:// for one with STARTTLS.
	// +required
	URLSecretRef SecretKeyReference `json:"urlSecretRef,omitzero"`

	// mail applies to type Mail.
	// +optional
	Mail *MailNotifier `json:"mail,omitempty"`
}

// QuietHours are the hours of each day in which somebody does not want to hear of what can wait.
//
// +kubebuilder:validation:XValidation:rule="self.from != self.to",message="quiet hours that begin when they end would never end: leave the contact out to hear nothing there"
type QuietHours struct {
	// from is when they begin, such as "22:00".
	// +required
	From TimeOfDay `json:"from,omitempty"`

	// to is when they end, such as "07:00": before from, on the next day.
	// +required
	To TimeOfDay `json:"to,omitempty"`

	// timeZone of the wall times, such as Europe/Berlin.
	// +required
	TimeZone TimeZone `json:"timeZone,omitempty"`
}

// Contact is where an agent is told of offers, hand-offs and escalations.
type Contact struct {
	// notifier names one of the HelpDesk's.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Notifier string `json:"notifier,omitempty"`

	// address at the notifier: a mail address, or a name or channel as the chat service has it, such as "@jo".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]+$`
	Address string `json:"address,omitempty"`

	// after is how long this contact waits, and is left alone if it is settled by then. Absent: it is told at once.
	// +optional
	After Duration `json:"after,omitempty"`

	// quietHours put off what is not urgent until they end.
	// +optional
	QuietHours *QuietHours `json:"quietHours,omitempty"`
}
