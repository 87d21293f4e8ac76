using System.CommandLine;
using KvStore.Chaos.Commands;

var root = new RootCommand("Runs a cluster of etcd's API through faults, checks what its clients saw, and draws it.")
{
    RunCommand.Create(), RunCommand.CreateInside(), TrafficCommand.Create(), ShowCommand.Create(),
    CheckCommand.Create(), ReportCommand.Create(),
};
return await root.Parse(args.Length == 0 ? ["--help"] : args).InvokeAsync();
