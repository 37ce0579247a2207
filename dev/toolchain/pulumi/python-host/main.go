// A Python language host for the Pulumi engine, small and of our own: the official one is published in no Go module.
//
// The package python/toolchain of Pulumi's Go SDK finds Python and its environment (pip, uv, poetry), programs run under the
// SDK's own script pulumi-language-python-exec. docs/adr/0009 says why, and what this host lacks.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	// How often the host asks whether its engine is still there.
	heartbeat = time.Second
	// What a Python that is told to end has until it is killed.
	grace = 2 * time.Second
)

func main() {
	if len(os.Args) < 2 {
		cmdutil.Exit(fmt.Errorf("the engine's address is missing; `pulumi` starts this program, nobody else"))
	}
	engine := os.Args[len(os.Args)-1] // options, such as --tracing, come before it
	alive, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err := rpcutil.Healthcheck(alive, engine, heartbeat, end); err != nil {
		cmdutil.Exit(err)
	}
	stop := make(chan bool)
	context.AfterFunc(alive, func() { close(stop) })
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, &host{engine: engine, alive: alive, end: end})
			return nil
		},
	})
	if err != nil {
		cmdutil.Exit(err)
	}
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		cmdutil.Exit(err)
	}
}

// host serves one engine. `alive` is done when the engine is gone or says so, and every Python ends with it.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
	alive  context.Context
	end    context.CancelFunc
}

func (h *host) Handshake(context.Context, *pulumirpc.LanguageHandshakeRequest) (*pulumirpc.LanguageHandshakeResponse, error) {
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.end()
	return &emptypb.Empty{}, nil
}

// call is the context of one call, which also ends with the host.
func (h *host) call(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(h.alive, cancel)
	return ctx, cancel
}

// gently has a process told to end before it is killed.
func gently(command *exec.Cmd) *exec.Cmd {
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = grace
	return command
}

// resolve is the tool for Python environments that `runtime.options` of a Pulumi.yaml, PulumiPlugin.yaml or PulumiPolicy.yaml names.
func resolve(info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
	options := toolchain.PythonOptions{Root: info.GetRootDirectory(), ProgramDir: info.GetProgramDirectory()}
	tools := map[string]*toolchain.PythonOptions{
		"pip": {Toolchain: toolchain.Pip}, "uv": {Toolchain: toolchain.Uv}, "poetry": {Toolchain: toolchain.Poetry},
	}
	for name, value := range info.GetOptions().GetFields() {
		switch tool := tools[value.GetStringValue()]; {
		case name == "virtualenv":
			options.Virtualenv = value.GetStringValue()
		case name == "toolchain" && tool != nil:
			options.Toolchain = tool.Toolchain
		case name == "toolchain":
			return nil, fmt.Errorf("runtime.options.toolchain is %q; write pip, uv or poetry", value.GetStringValue())
		default:
			return nil, fmt.Errorf("runtime.options.%s is unknown to this language host; it knows virtualenv and toolchain", name)
		}
	}
	return toolchain.ResolveToolchain(options)
}

// environment is the same, where the environment has to be there.
func environment(ctx context.Context, info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
	tool, err := resolve(info)
	if err != nil {
		return nil, err
	}
	return tool, tool.ValidateVenv(ctx)
}
