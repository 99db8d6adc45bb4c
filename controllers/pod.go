package controllers

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// What all pods of ours have in common: they pass the restricted Pod Security Standard and are probed alike.

const (
	// userID is that of the image's user, and the group that owns the desk's volume.
	userID = 65532

	probePort  = 8080
	portProbe  = "probe"
	pathLive   = "/healthz"
	pathReady  = "/readyz"
	tokenPath  = "/var/run/secrets/caseload"
	tokenFile  = "token"
	caPath     = "/etc/caseload/ca"
	tlsPath    = "/etc/caseload/tls"
	dataPath   = "/var/lib/caseload"
	notifyPath = "/etc/caseload/notifiers"
	tempPath   = "/tmp"
	caKey      = "ca.crt"
	volumeTemp = "tmp"

	// tokenSeconds is how long a projected token lasts; the kubelet renews it in time.
	tokenSeconds = 3600
)

// Image that desks and queue workers run, and how nodes get it. Name is required.
type Image struct {
	Name string
	// PullPolicy; empty: IfNotPresent.
	PullPolicy corev1.PullPolicy
	// PullSecrets are looked for in the namespace of each pod.
	PullSecrets []string
}

func (i Image) pullSecrets() []*corev1ac.LocalObjectReferenceApplyConfiguration {
	var secrets []*corev1ac.LocalObjectReferenceApplyConfiguration
	for _, name := range i.PullSecrets {
		secrets = append(secrets, corev1ac.LocalObjectReference().WithName(name))
	}
	return secrets
}

func podSecurity() *corev1ac.PodSecurityContextApplyConfiguration {
	return corev1ac.PodSecurityContext().
		WithRunAsNonRoot(true).
		WithRunAsUser(userID).
		WithRunAsGroup(userID).
		WithFSGroup(userID).
		WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
		WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
}

// container of ours, with its probes, and a folder for temporary files: the root file system is read-only.
func container(name string, image Image, resources corev1.ResourceRequirements) *corev1ac.ContainerApplyConfiguration {
	return corev1ac.Container().
		WithName(name).
		WithImage(image.Name).
		WithImagePullPolicy(cmp.Or(image.PullPolicy, corev1.PullIfNotPresent)).
		WithPorts(corev1ac.ContainerPort().WithName(portProbe).WithContainerPort(probePort).WithProtocol(corev1.ProtocolTCP)).
		WithResources(resourcesOf(resources)).
		WithSecurityContext(corev1ac.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))).
		WithLivenessProbe(probe(pathLive).WithPeriodSeconds(10).WithFailureThreshold(6)).
		WithReadinessProbe(probe(pathReady).WithPeriodSeconds(2).WithFailureThreshold(2)).
		WithVolumeMounts(corev1ac.VolumeMount().WithName(volumeTemp).WithMountPath(tempPath))
}

func probe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithTimeoutSeconds(5).
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString(portProbe)).WithScheme(corev1.URISchemeHTTP))
}

func tempVolume() *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(volumeTemp).WithEmptyDir(
		corev1ac.EmptyDirVolumeSource().WithSizeLimit(resource.MustParse("64Mi")))
}

// resourcesOf the container as declared, which replaces the defaults whole.
func resourcesOf(r corev1.ResourceRequirements) *corev1ac.ResourceRequirementsApplyConfiguration {
	applied := corev1ac.ResourceRequirements()
	if len(r.Requests) > 0 {
		applied.WithRequests(r.Requests)
	}
	if len(r.Limits) > 0 {
		applied.WithLimits(r.Limits)
	}
	for _, claim := range r.Claims {
		c := corev1ac.ResourceClaim().WithName(claim.Name)
		if claim.Request != "" {
			c.WithRequest(claim.Request)
		}
		applied.WithClaims(c)
	}
	return applied
}

// resourcesOr are the declared resources, or the defaults if none are.
func resourcesOr(declared corev1.ResourceRequirements, cpu, memory, memoryLimit string) corev1.ResourceRequirements {
	if !equality.Semantic.DeepEqual(declared, corev1.ResourceRequirements{}) {
		return declared
	}
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory),
		},
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memoryLimit)},
	}
}
