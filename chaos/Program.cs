using System.CommandLine;

var root = new RootCommand("Runs a cluster of etcd's API through faults, checks what its clients saw, and draws it.");
return await root.Parse(args.Length == 0 ? ["--help"] : args).InvokeAsync();
