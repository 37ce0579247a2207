package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/grpc"
)

// installed are the files that a pattern names in the directories from which a Python imports, of each name the first.
// pip is not asked: it is slow, and environments that uv made have none.
func installed(ctx context.Context, tool toolchain.Toolchain, pattern string) ([]string, error) {
	command, err := tool.Command(ctx, "-c", "import json, sys; print(json.dumps(sys.path[1:]))")
	if err != nil {
		return nil, err
	}
	printed, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s does not say from where it imports: %w", command.Path, err)
	}
	var directories, found []string
	if err := json.Unmarshal(printed, &directories); err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, directory := range directories {
		names, err := fs.Glob(os.DirFS(directory), pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if !known[name] {
				found = append(found, filepath.Join(directory, name))
			}
			known[name] = true
		}
	}
	return found, nil
}

// GetRequiredPackages are the packages whose plugins the engine gets before it runs the program.
func (h *host) GetRequiredPackages(
	ctx context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	tool, err := environment(ctx, request.GetInfo())
	if err != nil {
		return nil, err
	}
	files, err := installed(ctx, tool, "*/pulumi-plugin.json")
	if err != nil {
		return nil, err
	}
	answer := &pulumirpc.GetRequiredPackagesResponse{}
	for _, file := range files {
		said, err := plugin.LoadPulumiPluginJSON(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if !said.Resource {
			continue
		}
		needed := &pulumirpc.PackageDependency{Kind: "resource", Name: said.Name, Server: said.Server}
		if needed.Name == "" {
			needed.Name = strings.ReplaceAll(strings.TrimPrefix(filepath.Base(filepath.Dir(file)), "pulumi_"), "_", "-")
		}
		if said.Version != "" {
			needed.Version = "v" + strings.TrimPrefix(said.Version, "v")
		}
		needed.Parameterization = parameterization(said.Parameterization)
		needed.Extension = parameterization(said.ExtensionParameterization)
		answer.Packages = append(answer.Packages, needed)
	}
	return answer, nil
}

func parameterization(said *plugin.PulumiParameterizationJSON) *pulumirpc.PackageParameterization {
	if said == nil {
		return nil
	}
	return &pulumirpc.PackageParameterization{Name: said.Name, Version: said.Version, Value: said.Value}
}

// GetProgramDependencies are all installed packages, for `pulumi about`.
func (h *host) GetProgramDependencies(
	ctx context.Context, request *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	tool, err := environment(ctx, request.GetInfo())
	if err != nil {
		return nil, err
	}
	directories, err := installed(ctx, tool, "*.dist-info")
	if err != nil {
		return nil, err
	}
	answer := &pulumirpc.GetProgramDependenciesResponse{}
	for _, directory := range directories {
		name, version, _ := strings.Cut(strings.TrimSuffix(path.Base(directory), ".dist-info"), "-")
		answer.Dependencies = append(answer.Dependencies, &pulumirpc.DependencyInfo{Name: name, Version: version})
	}
	return answer, nil
}

func (h *host) About(ctx context.Context, request *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	tool, err := environment(ctx, request.GetInfo())
	if err != nil {
		return nil, err
	}
	about, err := tool.About(ctx)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{Executable: about.PythonExecutable, Version: about.PythonVersion.String()}, nil
}

// InstallDependencies makes the environment and installs what requirements.txt or pyproject.toml ask for. Where there is
// neither, an environment that is there stays as it is: the SDK would make it anew, and put a pip into uv's.
func (h *host) InstallDependencies(
	request *pulumirpc.InstallDependenciesRequest, server grpc.ServerStreamingServer[pulumirpc.InstallDependenciesResponse],
) error {
	ctx, done := h.call(server.Context())
	defer done()
	tool, err := resolve(request.GetInfo())
	if err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(server, request.GetIsTerminal())
	if err != nil {
		return err
	}
	defer closer.Close()
	directory := request.GetInfo().GetProgramDirectory()
	asks := slices.ContainsFunc([]string{"requirements.txt", "pyproject.toml"}, func(name string) bool {
		_, err := os.Stat(filepath.Join(directory, name))
		return err == nil
	})
	if there := tool.ValidateVenv(ctx) == nil; asks || !there {
		err = tool.InstallDependencies(ctx, directory, request.GetUseLanguageVersionTools(), true, stdout, stderr)
	}
	if err != nil {
		return err
	}
	return closer.Close()
}

// GeneratePackage writes the Python package of a schema (`pulumi package gen-sdk`, `pulumi package add`).
func (h *host) GeneratePackage(
	ctx context.Context, request *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	loader, err := schema.NewLoaderClient(request.GetLoaderTarget())
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.GetSchema()), &spec); err != nil {
		return nil, err
	}
	bound, problems, err := schema.BindSpec(spec, loader, schema.ValidationOptions{AllowDanglingReferences: true})
	if err != nil {
		return nil, err
	}
	answer := &pulumirpc.GeneratePackageResponse{Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(problems)}
	if problems.HasErrors() {
		return answer, nil
	}
	files, err := python.GeneratePackage("pulumi-language-python", bound, request.GetExtraFiles(), schema.NewCachedLoader(loader))
	if err != nil {
		return nil, err
	}
	for name, content := range files {
		file := filepath.Join(request.GetDirectory(), name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// Link adds packages that GeneratePackage wrote to what a program asks for (`pulumi package add`).
func (h *host) Link(ctx context.Context, request *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	tool, err := resolve(request.GetInfo())
	if err != nil {
		return nil, err
	}
	paths, imports := map[string]string{}, "Import it with"
	for _, added := range request.GetPackages() {
		marked, err := fs.Glob(os.DirFS(filepath.Join(request.GetInfo().GetRootDirectory(), added.GetPath())), "*/pulumi-plugin.json")
		if err != nil {
			return nil, err
		}
		if len(marked) != 1 {
			return nil, fmt.Errorf("%s holds no Python package with a pulumi-plugin.json", added.GetPath())
		}
		name := path.Dir(marked[0])
		paths[strings.ReplaceAll(name, "_", "-")] = added.GetPath()
		imports += fmt.Sprintf("\n\n    import %s as %s", name, strings.TrimPrefix(name, "pulumi_"))
	}
	return &pulumirpc.LinkResponse{ImportInstructions: imports}, tool.LinkPackages(ctx, paths)
}
