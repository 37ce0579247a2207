package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/grpc"
)

// The script ends with it after it has shown what is wrong.
const shown = 32

// Run runs a program to its end.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	ctx, done := h.call(ctx)
	defer done()
	tool, err := environment(ctx, request.GetInfo())
	if err != nil {
		return nil, err
	}
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if own, err = filepath.EvalSymlinks(own); err != nil {
		return nil, err
	}
	arguments := []string{"-u", filepath.Join(filepath.Dir(own), "pulumi-language-python-exec")}
	for _, option := range [][2]string{
		{"--monitor", request.GetMonitorAddress()},
		{"--engine", h.engine},
		{"--project", request.GetProject()},
		{"--stack", request.GetStack()},
		{"--organization", request.GetOrganization()},
		{"--root_directory", request.GetInfo().GetRootDirectory()},
		{"--pwd", request.GetPwd()},
		{"--dry_run", strconv.FormatBool(request.GetDryRun())},
		{"--parallel", strconv.Itoa(int(request.GetParallel()))},
	} {
		arguments = append(arguments, option[0], option[1])
	}
	arguments = append(arguments, program(request.GetInfo()))
	command, err := tool.Command(ctx, append(arguments, request.GetArgs()...)...)
	if err != nil {
		return nil, err
	}
	// Not null where there are none, which the SDK does not read.
	settings, secrets := map[string]string{}, append([]string{}, request.GetConfigSecretKeys()...)
	maps.Copy(settings, request.GetConfig())
	config, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	keys, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	command.Env = append(command.Environ(), "PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(keys))
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	err = gently(command).Run()
	var exited *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exited) && exited.ExitCode() == shown:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case errors.As(err, &exited):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with %v", exited)}, nil
	default:
		return nil, fmt.Errorf("the program cannot be started: %w", err)
	}
}

// RunPlugin runs a plugin (a component, a provider) or a policy pack until the engine has no more use for it.
func (h *host) RunPlugin(request *pulumirpc.RunPluginRequest, server grpc.ServerStreamingServer[pulumirpc.RunPluginResponse]) error {
	ctx, done := h.call(server.Context())
	defer done()
	tool, err := environment(ctx, request.GetInfo())
	if err != nil {
		return err
	}
	arguments := append([]string{"-u", program(request.GetInfo())}, request.GetArgs()...)
	if request.GetKind() == "analyzer" {
		// The SDK's module takes the engine's address and then the policy pack.
		arguments = append(append([]string{"-u", "-m", "pulumi.policy"}, request.GetArgs()...), program(request.GetInfo()))
	}
	command, err := tool.Command(ctx, arguments...)
	if err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	defer closer.Close()
	command.Dir, command.Env = request.GetPwd(), request.GetEnv()
	if directory, err := tool.VirtualEnvPath(ctx); err == nil && directory != "" {
		command.Env = toolchain.ActivateVirtualEnv(command.Env, directory)
	}
	command.Stdout, command.Stderr = stdout, stderr
	err = gently(command).Run()
	var exited *exec.ExitError
	switch {
	case errors.As(err, &exited):
		code := &pulumirpc.RunPluginResponse_Exitcode{Exitcode: int32(exited.ExitCode())}
		return server.Send(&pulumirpc.RunPluginResponse{Output: code})
	case err != nil:
		return fmt.Errorf("the plugin cannot be started: %w", err)
	default:
		return closer.Close()
	}
}

// program is the file or directory that Python runs.
func program(info *pulumirpc.ProgramInfo) string {
	return filepath.Join(info.GetProgramDirectory(), info.GetEntryPoint())
}
