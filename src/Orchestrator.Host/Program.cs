using System.CommandLine;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using Orchestrator.Host.Commands;
using Orchestrator.Host.Machine;

ProgramPath.Widen();
using var stopping = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var root = new RootCommand("""
    A Kubernetes-style orchestrator on this machine: kubectl and helm work against it as they are.

    Examples:
      orchestrator start                       a cluster in the background, this machine its node; kubectl uses it at once
      orchestrator start --hollow-nodes 3      one whose containers are pretended
      orchestrator status                      whether it runs
      orchestrator logs -f apiserver           what a part writes
      orchestrator stop                        data stays; start brings it back
      orchestrator delete                      nothing stays
      orchestrator image import web.tar        an image without a registry
      orchestrator service url web             where a service is reached
      orchestrator token create --print-join-command
                                               what another machine is told to join (start --node-network host)
      orchestrator doctor                      what is wrong with this machine
      orchestrator start -p second --hollow-nodes 1
                                               another one beside it
      orchestrator server --hollow-nodes 3 --store-endpoints http://127.0.0.1:2379
                                               in the foreground, over an etcd or kvstore of your own
    """)
{
    StartCommand.Create(), StatusCommand.Create(), StopCommand.Create(), DeleteCommand.Create(), LogsCommand.Create(), ServerCommand.Create(),
    ServiceCommand.Create(), AgentCommand.Create(), TokenCommand.Create(), ImageCommand.Create(), DoctorCommand.Create(), InstallCommand.CreateInstall(), InstallCommand.CreateUninstall(), CompletionCommand.Create(),
};
var result = root.Parse(args);
// A page of help would hide the line that says what is wrong.
if (result.Action is ParseErrorAction mistake && args.Length > 0)
    mistake.ShowHelp = false;
return await result.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null }, stopping.Token);

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stopping.Cancel();
}
