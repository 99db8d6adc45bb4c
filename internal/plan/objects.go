package plan

import (
	"fmt"
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/oncall"
)

// Kinds of the objects in a plan.
const (
	KindHelpDesk         = "HelpDesk"
	KindSupportTeam      = "SupportTeam"
	KindTier             = "Tier"
	KindQueue            = "Queue"
	KindAgent            = "Agent"
	KindRoutingPolicy    = "RoutingPolicy"
	KindBusinessCalendar = "BusinessCalendar"
	KindEscalationPolicy = "EscalationPolicy"
	KindServiceLevel     = "ServiceLevel"
	KindOnCallRotation   = "OnCallRotation"
	KindOnCallOverride   = "OnCallOverride"
)

// Kinds lists them, owners before what they own.
var Kinds = []string{
	KindHelpDesk, KindSupportTeam, KindTier, KindQueue, KindAgent, KindRoutingPolicy, KindBusinessCalendar, KindServiceLevel,
	KindEscalationPolicy, KindOnCallRotation, KindOnCallOverride,
}

// Object is a declared object of one of the Kinds.
type Object interface {
	metav1.Object
	runtime.Object
}

// Objects are the declared objects of one namespace, of which Compile takes those of the HelpDesk.
type Objects struct {
	HelpDesk v1alpha1.HelpDesk
	// OtherHelpDesks are the names of the namespace's other HelpDesks, so that a reference across is told apart from a
	// reference to nothing.
	OtherHelpDesks []string
	// Declared are the objects of the other kinds, in any order.
	Declared []Object
	// Held are those among them that stay out of the plan for now, since they are paused and were never in it. Others may
	// name them.
	Held map[Key]bool
	// Revisions of the OnCallRotations, by name. One without goes by its declaration.
	Revisions map[string][]oncall.Revision
	// Now is what is warned of before it happens is seen from; zero: nothing is.
	Now time.Time
}

// all objects. A HelpDesk without a name is none.
func (o *Objects) all() []Object {
	if o.HelpDesk.Name == "" {
		return o.Declared
	}
	return append([]Object{&o.HelpDesk}, o.Declared...)
}

var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(s); err != nil {
		panic(err)
	}
	return s
}()

// NewObject of one of the Kinds, empty.
func NewObject(kind string) (Object, error) {
	object, err := scheme.New(v1alpha1.GroupVersion.WithKind(kind))
	if err != nil {
		return nil, fmt.Errorf("this build knows no kind %s", kind)
	}
	return object.(Object), nil
}

// KeyOf a declared object. Go types have the names of their kinds.
func KeyOf(object metav1.Object) Key {
	return Key{Kind: reflect.TypeOf(object).Elem().Name(), Name: object.GetName()}
}

// specOf points to the spec of a declared object.
func specOf(object metav1.Object) any {
	return reflect.ValueOf(object).Elem().FieldByName("Spec").Addr().Interface()
}
