package manifest

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/config/crd"
	"github.com/caseload-dev/caseload/internal/suggest"
)

// kindSchema checks the objects of a kind as the kube-apiserver does, by the same code.
type kindSchema struct {
	structural *structuralschema.Structural
	openAPI    validation.SchemaValidator
	rules      *cel.Validator
}

// schemas of the embedded CustomResourceDefinitions, by kind.
var schemas = sync.OnceValues(func() (map[string]*kindSchema, error) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]*kindSchema{}
	for _, file := range files {
		raw, err := crd.Bases.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(raw, &definition); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, version := range definition.Spec.Versions {
			if version.Name != v1alpha1.GroupVersion.Version {
				continue
			}
			if all[definition.Spec.Names.Kind], err = newKindSchema(version.Schema.OpenAPIV3Schema); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return all, nil
})

func newKindSchema(v1 *apiextensionsv1.JSONSchemaProps) (*kindSchema, error) {
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v1, &props, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(&props)
	if err != nil {
		return nil, err
	}
	openAPI, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return nil, err
	}
	return &kindSchema{structural, openAPI, cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// finding is what is wrong with one field.
type finding struct {
	field, reason, message string
}

// check prunes and defaults the object in place and returns what the kube-apiserver would refuse it for, under strict
// field validation.
func (s *kindSchema) check(object map[string]any) []finding {
	var findings []finding
	options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	meta, _, unknown, err := objectmeta.GetObjectMetaWithOptions(object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return []finding{{"metadata", v1alpha1.ReasonInvalid, err.Error()}}
	}
	unknown = append(unknown, pruning.PruneWithOptions(object, s.structural, true, options)...)
	for _, path := range unknown {
		findings = append(findings, finding{path, ReasonUnknownField, "there is no such field" + s.didYouMean(path)})
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, s.structural)
	defaulting.Default(object, s.structural)

	errs := validation.ValidateCustomResource(nil, object, s.openAPI)
	if meta != nil {
		name := apivalidation.NameIsDNSSubdomain
		// A manifest need not say its namespace, and one that does is checked by name alone.
		named := *meta
		if named.Namespace == "" {
			named.Namespace = "default"
		}
		errs = append(errs, apivalidation.ValidateObjectMeta(&named, true, name, field.NewPath("metadata"))...)
	}
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, object)...)
	if !slices.ContainsFunc(errs, hidesRules) {
		ruleErrs, _ := s.rules.Validate(context.Background(), nil, s.structural, object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, ruleErrs...)
	}
	for _, e := range errs {
		findings = append(findings, finding{e.Field, v1alpha1.ReasonInvalid, shorten(e.ErrorBody())})
	}
	return findings
}

// hidesRules says whether an error makes the rules of the schema meaningless, as the kube-apiserver sees it.
func hidesRules(e *field.Error) bool {
	switch e.Type {
	case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
		return true
	}
	return false
}

// didYouMean suggests a field beside the unknown one.
func (s *kindSchema) didYouMean(path string) string {
	node := s.structural
	steps := splitPath(path)
	for _, step := range steps[:len(steps)-1] {
		if property, ok := node.Properties[step]; ok {
			node = &property
		} else if node.Items != nil {
			node = node.Items
		} else {
			return ""
		}
	}
	var names []string
	for name := range node.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	last := steps[len(steps)-1]
	if hint := suggest.DidYouMean(last, names); hint != "" || len(names) == 0 || len(names) > 20 {
		return hint
	}
	return "; the fields here are " + strings.Join(names, ", ")
}

// maxMessage keeps a message readable that quotes a large value.
const maxMessage = 400

func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	half := maxMessage / 2
	return strings.ToValidUTF8(message[:half], "") + " … " + strings.ToValidUTF8(message[len(message)-half:], "")
}
