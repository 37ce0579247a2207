// Applies the YAML of standard input as Flux's kustomize-controller does: the same library, with the
// options that its source sets. Prints what was done to each object.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/normalize"
	"github.com/fluxcd/pkg/ssa/utils"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	group = "kustomize.toolkit.fluxcd.io"
	owner = "kustomize-controller"
)

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "path")
	ignore := flag.String("ignore", "[]", "spec.ignore of the Kustomization, as JSON")
	flag.Parse()
	if err := run(*kubeconfig, *ignore); err != nil {
		fmt.Fprintln(os.Stderr, "flux-apply:", err)
		os.Exit(1)
	}
}

func run(kubeconfig, ignore string) error {
	options, err := options(ignore)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	kube, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	objects, err := utils.ReadObjects(os.Stdin)
	if err != nil {
		return err
	}
	manager := ssa.NewResourceManager(kube, nil, ssa.Owner{Field: owner, Group: group})
	manager.SetOwnerLabels(objects, "platform", "flux-system")
	if err := normalize.UnstructuredList(objects); err != nil {
		return err
	}
	changes, err := manager.ApplyAllStaged(context.Background(), objects, options)
	if changes != nil {
		for _, entry := range changes.Entries {
			fmt.Println(entry.String())
		}
	}
	return err
}

func options(ignore string) (ssa.ApplyOptions, error) {
	made := ssa.DefaultApplyOptions()
	made.ExclusionSelector = map[string]string{group + "/reconcile": "disabled", group + "/ssa": "Ignore"}
	made.IfNotPresentSelector = map[string]string{group + "/ssa": "IfNotPresent"}
	made.ForceSelector = map[string]string{group + "/force": "Enabled"}
	made.Cleanup.Exclusions = map[string]string{group + "/ssa": "Merge"}
	made.Cleanup.Annotations = []string{"kubectl.kubernetes.io/last-applied-configuration"}
	made.Cleanup.FieldManagers = []ssa.FieldManager{
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
		{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
		{Name: owner, OperationType: metav1.ManagedFieldsOperationUpdate},
	}
	var rules []struct {
		Paths  []string
		Target *jsondiff.Selector
	}
	err := json.Unmarshal([]byte(ignore), &rules)
	for _, rule := range rules {
		made.DriftIgnoreRules = append(
			made.DriftIgnoreRules, jsondiff.IgnoreRule{Paths: rule.Paths, Selector: rule.Target})
	}
	return made, err
}
