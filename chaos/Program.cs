using System.CommandLine;
using KvStore.Chaos.Commands;
using KvStore.Chaos.Rig;

var root = new RootCommand("Runs a cluster of etcd's API through faults, checks what its clients saw, and draws it.")
{
    RunCommand.Create(), RunCommand.CreateInside(), TrafficCommand.Create(), ShowCommand.Create(),
    CheckCommand.Create(), ReportCommand.Create(),
};
var command = root.Parse(args.Length == 0 ? ["--help"] : args);
if (command.Errors.Count > 0)
{
    // The library's own exit code for this, 1, is that of a violation here.
    foreach (var error in command.Errors)
        Console.Error.WriteLine($"chaos: {error.Message}");
    Console.Error.WriteLine("chaos: see chaos --help");
    return ExitCodes.WrongUsage;
}
return await command.InvokeAsync();
