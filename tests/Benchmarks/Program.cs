using System.CommandLine;
using KvStore.Server.Bench;

return await new RootCommand("scratch") { BenchCommand.Create() }.Parse(args).InvokeAsync();
