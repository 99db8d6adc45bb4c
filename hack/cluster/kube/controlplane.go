package main

import (
	"os"
	_ "time/tzdata" // CronJob time zones on a machine without tzdata

	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl's auth plugins
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func init() {
	components["etcd"] = func() int {
		etcdmain.Main(os.Args)
		return 0
	}
	components["kube-apiserver"] = func() int { return cli.Run(apiserver.NewAPIServerCommand()) }
	components["kubectl"] = runKubectl
}

func runKubectl() int {
	// Verbosity must be set before the command is built: building it already logs.
	if _, err := logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)); err != nil {
		return 1
	}
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}
