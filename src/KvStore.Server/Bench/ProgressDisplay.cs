using KvStore.Server.Bench.Load;
using KvStore.Server.Bench.Results;
using Spectre.Console;

namespace KvStore.Server.Bench;

/// <summary>Runs a load with a progress bar on a terminal, and without a word in a pipe.</summary>
internal static class ProgressDisplay
{
    public static LoadResult Show(LoadPlan plan, CancellationToken cancellation)
    {
        // On standard error: the result alone goes to standard output.
        if (Console.IsErrorRedirected)
            return new LoadRun(plan).Execute(cancellation);
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress().AutoClear(true).Start(context =>
        {
            var bar = context.AddTask(Markup.Escape(plan.Workload), maxValue: 1);
            return new LoadRun(plan, progress => Update(bar, plan.Workload, progress)).Execute(cancellation);
        });
    }

    private static void Update(ProgressTask bar, string workload, in LoadProgress progress)
    {
        bar.Value = progress.Share;
        bar.Description = Markup.Escape($"{workload}, {progress.Phase}: {progress.PerSecond:N0}/s");
    }
}
