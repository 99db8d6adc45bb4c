package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/oauth2"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/version"
)

// Environment variables that stand for flags.
const (
	envURL       = "CASELOAD_URL"
	envToken     = "CASELOAD_TOKEN"
	envTokenFile = "CASELOAD_TOKEN_FILE"
	envCAFile    = "CASELOAD_CA_FILE"
)

// connectFlags say which desk a command talks to, and as whom. A command binds them and dials:
//
//	var connect connectFlags
//	connect.bind(cmd.Flags())
//	desk, stop, err := connect.dial(cmd)
//	defer stop()
type connectFlags struct {
	kubeconfig, context, namespace string
	helpDesk, serviceAccount       string
	url, token, tokenFile, caFile  string
	asAgent                        string
}

func (f *connectFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file; empty: KUBECONFIG or ~/.kube/config")
	flags.StringVar(&f.context, "context", "", "context of the kubeconfig; empty: the current one")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "namespace of the HelpDesk; empty: the context's")
	flags.StringVar(&f.helpDesk, "help-desk", "", "name of the HelpDesk; empty: the only one of the namespace")
	flags.StringVar(&f.serviceAccount, "service-account", "", "ServiceAccount to be; empty: the kubeconfig's own if it is one of the namespace, else <help-desk>-cli")
	flags.StringVar(&f.url, "url", os.Getenv(envURL), "address of a desk to talk to without a kubeconfig ($"+envURL+")")
	flags.StringVar(&f.token, "token", "", "token for --url ($"+envToken+")")
	flags.StringVar(&f.tokenFile, "token-file", os.Getenv(envTokenFile), "file with the token for --url, read again when it changes ($"+envTokenFile+")")
	flags.StringVar(&f.caFile, "ca-file", os.Getenv(envCAFile), "authorities to trust at --url ($"+envCAFile+")")
	flags.StringVar(&f.asAgent, "as-agent", "", "agent to act as; needs the verb impersonate on helpdesks/agents")
}

// dial connects to the desk: directly with --url, else through the kube-apiserver to the desk's pod. stop ends the
// connection. The desk acts for --as-agent in calls that name no agent.
func (f *connectFlags) dial(cmd *cobra.Command) (desk api.Service, stop func(), err error) {
	if f.url != "" {
		return f.dialURL()
	}
	desk, stop, err = f.dialCluster(cmd.Context())
	if err != nil {
		return nil, nil, err
	}
	return desk, stop, nil
}

func (f *connectFlags) dialURL() (api.Service, func(), error) {
	token := cmp.Or(f.token, os.Getenv(envToken))
	if token == "" && f.tokenFile == "" {
		return nil, nil, fmt.Errorf("--url needs a token: give --token or --token-file, or set %s or %s", envToken, envTokenFile)
	}
	if u, err := url.Parse(f.url); err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !strings.HasPrefix(u.Hostname(), "127.") {
		return nil, nil, fmt.Errorf("--url %s: a token does not travel in the clear; use https://", f.url)
	}
	c, err := client.New(client.Options{URL: f.url, CAFile: f.caFile, Token: token, TokenFile: f.tokenFile, Agent: f.asAgent, UserAgent: userAgent()})
	if err != nil {
		return nil, nil, err
	}
	return c, c.CloseIdleConnections, nil
}

func userAgent() string { return "caseload-cli/" + version.Version }

// dialCluster reaches the desk with no more than a kubeconfig: it forwards a port to the desk's pod, trusts the
// authorities that the operator published, and takes a token for a ServiceAccount.
func (f *connectFlags) dialCluster(ctx context.Context) (api.Service, func(), error) {
	config, err := f.loadKubeconfig()
	if err != nil {
		return nil, nil, err
	}
	// The forwarding logs what the calls report anyway, in the middle of what a command shows.
	klog.SetLogger(logr.Discard())
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	if err := f.findHelpDesk(ctx, config); err != nil {
		return nil, nil, err
	}
	name := f.helpDesk + "-desk"
	authorities := func() ([]byte, error) {
		published, err := kube.CoreV1().ConfigMaps(f.namespace).Get(ctx, name+"-ca", metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read the authorities of HelpDesk %s in namespace %s: %w (the operator publishes them once it runs the desk; kubectl -n %s get helpdesk %s says how far it is)",
				f.helpDesk, f.namespace, err, f.namespace, f.helpDesk)
		}
		return []byte(published.Data["ca.crt"]), nil
	}
	tokens := &serviceAccountTokens{ctx: ctx, kube: kube, namespace: f.namespace, name: f.identity(ctx, kube)}
	first, err := tokens.Token()
	if err != nil {
		return nil, nil, err
	}
	forward, err := openTunnel(ctx, kube, config, f.namespace, name+"-0")
	if err != nil {
		return nil, nil, err
	}
	host := name + "." + f.namespace + ".svc"
	c, err := client.New(client.Options{
		URL: "https://" + host, ServerName: host, CASource: authorities,
		TokenSource: oauth2.ReuseTokenSourceWithExpiry(first, tokens, time.Minute),
		Agent:       f.asAgent, UserAgent: userAgent(), Dial: forward.dial,
	})
	if err != nil {
		forward.close()
		return nil, nil, err
	}
	return c, func() { c.CloseIdleConnections(); forward.close() }, nil
}

func (f *connectFlags) loadKubeconfig() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: f.context}
	overrides.Context.Namespace = f.namespace
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find a cluster: %w (give --kubeconfig, or --url for a desk without one)", err)
	}
	config.UserAgent = userAgent()
	f.namespace, _, err = loader.Namespace()
	return config, err
}

// findHelpDesk takes the only HelpDesk of the namespace where none is named.
func (f *connectFlags) findHelpDesk(ctx context.Context, config *rest.Config) error {
	if f.helpDesk != "" {
		return nil
	}
	kinds, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	list, err := kinds.Resource(v1alpha1.GroupVersion.WithResource("helpdesks")).Namespace(f.namespace).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return errors.New("the cluster does not know HelpDesks: install Caseload first, or name another cluster with --context or --kubeconfig")
	case err != nil:
		return fmt.Errorf("list the HelpDesks of namespace %s: %w (--help-desk names one without listing)", f.namespace, err)
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.GetName())
	}
	slices.Sort(names)
	switch len(names) {
	case 0:
		return fmt.Errorf("namespace %s has no HelpDesk: name another with -n", f.namespace)
	case 1:
		f.helpDesk = names[0]
		return nil
	default:
		return fmt.Errorf("namespace %s has the HelpDesks %s: name one with --help-desk", f.namespace, strings.Join(names, ", "))
	}
}

// identity is the ServiceAccount to be at the desk.
func (f *connectFlags) identity(ctx context.Context, kube kubernetes.Interface) string {
	if f.serviceAccount != "" {
		return f.serviceAccount
	}
	own := f.helpDesk + "-cli"
	review, err := kube.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return own
	}
	if name, ok := strings.CutPrefix(review.Status.UserInfo.Username, "system:serviceaccount:"+f.namespace+":"); ok {
		return name
	}
	return own
}

// tokenLifetime asked for; the cluster may give another.
const tokenLifetime = time.Hour

// serviceAccountTokens are tokens of a ServiceAccount for the desk.
type serviceAccountTokens struct {
	// ctx of the command, which the TokenSource interface does not pass.
	ctx             context.Context
	kube            kubernetes.Interface
	namespace, name string
}

func (s *serviceAccountTokens) Token() (*oauth2.Token, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{api.TokenAudience}, ExpirationSeconds: ptr.To(int64(tokenLifetime.Seconds())),
	}}
	answer, err := s.kube.CoreV1().ServiceAccounts(s.namespace).CreateToken(s.ctx, s.name, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("take a token of ServiceAccount %s in namespace %s: %w (it takes the verb create on serviceaccounts/token of that name; --service-account names another)",
			s.name, s.namespace, err)
	}
	return &oauth2.Token{AccessToken: answer.Status.Token, Expiry: answer.Status.ExpirationTimestamp.Time}, nil
}
