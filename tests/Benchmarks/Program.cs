using System.CommandLine;
using KvStore.Benchmarks;

// Clean-up after Ctrl-C ends servers, deletes gigabytes and unmounts disks: more than the two seconds that are the default.
var invocation = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(2) };
return await BenchmarkCommand.Create().Parse(args).InvokeAsync(invocation);
