using System.Runtime.InteropServices;
using KvStore.Server.Bench;
using KvStore.Server.Configuration;
using KvStore.Server.Hosting;

using var stopping = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var command = new ServerCommand(ProcessEnvironment.Current(), ServerProcess.RunAsync);
command.Add(BenchCommand.Name, BenchCommand.Create);
command.Add(VersionCommand.Name, VersionCommand.Create);
return await command.InvokeAsync(args, stopping.Token);

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stopping.Cancel();
}
