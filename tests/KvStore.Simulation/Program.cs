using System.Diagnostics;
using System.Globalization;
using KvStore.Simulation;

return args switch
{
    [] or ["--help"] or ["-h"] => Help(),
    ["--seed", var seed] when Parse(seed) is { } number => RunSeeds(number, number, text: null),
    ["--seed", var seed, "--trace"] when Parse(seed) is { } number => RunSeeds(number, number, Console.Out),
    ["--seeds", var range] when ParseRange(range) is { } seeds => RunSeeds(seeds.First, seeds.Last, text: null),
    ["--operation", var operation, var kind] when Parse(operation) is { } number => RunScripted(number, number, kind == "power-loss", kind == "crash"),
    ["--every-operation"] => RunScripted(1, int.MaxValue, true, true),
    _ => Misused(),
};

static int Help()
{
    Console.WriteLine("""
        Runs one member of the store on one thread, in virtual time, on a disk in memory, with faults from a seed.

          --seed N [--trace]          one run; --trace prints everything that happens
          --seeds A..B                  runs A to B
          --every-operation             one workload, with a crash and a power loss at each operation of its disk in turn
          --operation K crash           the same workload, with a crash at operation K alone
          --operation K power-loss      ... or a power loss

        Ends with a line of counts; exit code 0 when every promise was kept, 1 when one was broken, 2 when it was called wrongly.
        """);
    return 0;
}

static int Misused()
{
    Console.Error.WriteLine("unknown arguments; --help tells what there is");
    return 2;
}

static int? Parse(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

static (int First, int Last)? ParseRange(string text)
{
    string[] ends = text.Split("..");
    return ends.Length == 2 && Parse(ends[0]) is { } first && Parse(ends[1]) is { } last && first <= last ? (first, last) : null;
}

static int RunSeeds(int first, int last, TextWriter? text)
{
    var clock = Stopwatch.StartNew();
    var total = new SimulationResult();
    int failed = 0;
    for (long seed = first; seed <= last; seed++)
    {
        try
        {
            total += Simulation.Run(SimulationPlan.Of((int)seed), text);
        }
        catch (SimulationFailedException failure)
        {
            failed++;
            Console.WriteLine(text is null ? failure.Message : failure.ToString());
            Console.WriteLine($"repeat it: dotnet run -c Release --project tests/KvStore.Simulation -- --seed {seed} --trace");
        }
        ShowProgress(seed - first + 1, (long)last - first + 1);
    }
    Console.WriteLine($"{(long)last - first + 1} seeds, {failed} failed, {clock.Elapsed.TotalSeconds:F1} s: {total}; trace {total.TraceHash:x16}");
    return failed == 0 ? 0 : 1;
}

static int RunScripted(int first, int last, bool withPowerLoss, bool withCrash)
{
    var clock = Stopwatch.StartNew();
    long operations = Simulation.Run(SimulationPlan.Scripted(0, false)).DiskOperations;
    last = (int)Math.Min(last, operations);
    var total = new SimulationResult();
    int failed = 0, runs = 0;
    for (int operation = first; operation <= last; operation++)
    {
        foreach (bool isPowerLoss in new[] { false, true })
        {
            if (!(isPowerLoss ? withPowerLoss : withCrash))
                continue;
            runs++;
            try
            {
                total += Simulation.Run(SimulationPlan.Scripted(operation, isPowerLoss));
            }
            catch (SimulationFailedException failure)
            {
                failed++;
                Console.WriteLine(first == last ? failure.ToString() : failure.Message);
                Console.WriteLine("repeat it: dotnet run -c Release --project tests/KvStore.Simulation -- "
                    + $"--operation {operation} {(isPowerLoss ? "power-loss" : "crash")}");
            }
        }
        ShowProgress(operation, last);
    }
    Console.WriteLine($"{operations} disk operations, {runs} runs, {failed} failed, {clock.Elapsed.TotalSeconds:F1} s: {total}");
    return failed == 0 ? 0 : 1;
}

static void ShowProgress(long done, long all)
{
    if (!Console.IsErrorRedirected && done < all)
        Console.Error.Write($"\r{done}/{all} ");
    else if (!Console.IsErrorRedirected)
        Console.Error.Write("\r");
}
