using Spectre.Console;

namespace KvStore.Benchmarks;

/// <summary>A progress bar on a terminal; in a pipe nothing, or a line for each step where that is asked for.</summary>
internal static class BenchmarkDisplay
{
    public static void Run(bool isVerbose, Action<Action<string, double>> work)
    {
        if (Console.IsErrorRedirected)
        {
            work(isVerbose ? WriteStep : (_, _) => { });
            return;
        }
        // On standard error: the report alone goes to standard output.
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress().AutoClear(true).Start(context =>
        {
            var bar = context.AddTask("starting", maxValue: 1);
            work((step, share) =>
            {
                bar.Description = Markup.Escape(step);
                bar.Value = share;
            });
        });
    }

    private static void WriteStep(string step, double share)
    {
        if (share == 0)
            Console.Error.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {step}");
    }
}
