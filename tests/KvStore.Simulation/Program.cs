using System.Diagnostics;
using System.Globalization;
using KvStore.Simulation;

return new CommandLine(args).Run();

/// <summary>The program: runs seeds, repeats one, makes one smaller.</summary>
internal sealed class CommandLine(string[] arguments)
{
    private const string Repeat = "dotnet run -c Release --project tests/KvStore.Simulation --";

    private readonly Dictionary<string, string> _options = [];
    private readonly List<string> _settings = [];

    public int Run()
    {
        if (arguments is [] or ["--help"] or ["-h"])
            return Help();
        try
        {
            Read();
            return Start();
        }
        catch (FormatException slip)
        {
            Console.Error.WriteLine($"{slip.Message}; --help tells what there is");
            return 2;
        }
    }

    private static int Help()
    {
        Console.WriteLine("""
            Runs whole clusters of the store on one thread, in virtual time, on disks in memory and over a network in memory, with
            faults of all kinds from a seed; then all is healed, and the cluster must serve again and have kept every promise.

              --seeds A..B [--minutes M]    runs A to B, or as many of them as there is time for
              --seed N [--trace]            one run; --trace prints everything that happens
              --seed N --shrink             looks for less that still fails: fewer members, clients, kinds of faults
              --members K                   clusters of K members instead of what the seed says
              --set NAME=VALUE              changes one thing of the plan, as --shrink prints it; may be repeated
              --stop-at-failure             ends with the first seed that fails
              --cpu-seconds N               ends after so much time of the processor
              --every-operation             one workload, with a crash and a power loss at each operation of its disk in turn
              --operation K --crash         the same workload, with a crash at operation K alone
              --operation K --power-loss    ... or a power loss

            Ends with a line of counts; exit code 0 when every promise was kept, 1 when one was broken, 2 when it was called wrongly.
            """);
        return 0;
    }

    private void Read()
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            bool isFlag = name is "--trace" or "--shrink" or "--stop-at-failure" or "--every-operation" or "--crash" or "--power-loss";
            bool hasValue = name is "--seed" or "--seeds" or "--minutes" or "--cpu-seconds" or "--members" or "--operation" or "--set";
            if (!isFlag && !hasValue || hasValue && i + 1 == arguments.Length)
                throw new FormatException($"'{name}' is unknown or lacks its value");
            string value = hasValue ? arguments[++i] : "";
            if (name == "--set")
                _settings.Add(value);
            else
                _options[name] = value;
        }
    }

    private int Start()
    {
        bool hasBoth = !Has("--crash") && !Has("--power-loss");
        if (Has("--every-operation"))
            return RunScripted(1, int.MaxValue, true, true);
        if (Has("--operation"))
            return RunScripted(Number("--operation"), Number("--operation"), hasBoth || Has("--crash"), hasBoth || Has("--power-loss"));
        if (Has("--seeds"))
            return RunSeeds(_options["--seeds"].Split(".."));
        if (!Has("--seed"))
            throw new FormatException("neither --seeds nor --seed is given");
        int seed = Number("--seed");
        return Has("--shrink") ? Shrink(seed) : RunSeeds(seed, seed, Has("--trace") ? Console.Out : null);
    }

    private bool Has(string option) => _options.ContainsKey(option);

    private int Number(string option) => Number(option, _options[option]);

    private static int Number(string option, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new FormatException($"{option} takes a number, not '{text}'");

    private SimulationPlan PlanOf(int seed)
    {
        var plan = Has("--members") ? SimulationPlan.Of(seed, Number("--members")) : SimulationPlan.Of(seed);
        foreach (string setting in _settings)
        {
            string[] parts = setting.Split('=', 2);
            plan = plan.With(parts[0], parts.Length == 2 ? parts[1] : "");
        }
        return plan;
    }

    /// <summary>The arguments that lead to the same plan.</summary>
    private string Arguments(int seed) => $"--seed {seed}" + (Has("--members") ? $" --members {Number("--members")}" : "")
        + string.Concat(_settings.Select(setting => $" --set {setting}"));

    private int RunSeeds(string[] ends)
    {
        if (ends.Length != 2 || Number("--seeds", ends[0]) > Number("--seeds", ends[1]))
            throw new FormatException("--seeds takes a range, as 1..100");
        return RunSeeds(Number("--seeds", ends[0]), Number("--seeds", ends[1]), text: null);
    }

    private int RunSeeds(int first, int last, TextWriter? text)
    {
        var clock = Stopwatch.StartNew();
        var limit = Has("--minutes") ? TimeSpan.FromMinutes(Number("--minutes")) : TimeSpan.MaxValue;
        var cpuLimit = Has("--cpu-seconds") ? TimeSpan.FromSeconds(Number("--cpu-seconds")) : TimeSpan.MaxValue;
        var total = new SimulationResult();
        long failed = 0, done = 0;
        for (long seed = first; seed <= last && clock.Elapsed < limit && Environment.CpuUsage.TotalTime < cpuLimit; seed++, done++)
        {
            try
            {
                total += Simulation.Run(PlanOf((int)seed), text);
            }
            catch (SimulationFailedException failure)
            {
                failed++;
                Console.WriteLine(text is null ? failure.Message : failure.ToString());
                Console.WriteLine($"found by: {failure.Checker}");
                Console.WriteLine($"repeat it: {Repeat} {Arguments((int)seed)} --trace");
            }
            if (failed > 0 && Has("--stop-at-failure"))
                last = (int)seed;
            ShowProgress(done + 1, (long)last - first + 1);
        }
        var cpu = Environment.CpuUsage.TotalTime;
        Console.WriteLine($"{done} seeds ({first}..{first + done - 1}), {failed} failed, {clock.Elapsed.TotalSeconds:F1} s, "
            + $"{cpu.TotalSeconds:F1} s of CPU, {done / cpu.TotalSeconds:F1} seeds a CPU second: {total}; trace {total.TraceHash:x16}");
        return failed == 0 ? 0 : 1;
    }

    private int Shrink(int seed)
    {
        var smallest = Shrinking.Of(PlanOf(seed), Console.WriteLine);
        if (smallest is null)
        {
            Console.WriteLine($"seed {seed} does not fail");
            return 0;
        }
        string settings = string.Concat(smallest.DifferencesFrom(SimulationPlan.Of(seed)).Select(change => $" --set {change}"));
        Console.WriteLine($"repeat it: {Repeat} --seed {seed}{settings} --trace");
        return 1;
    }

    private static int RunScripted(int first, int last, bool withCrash, bool withPowerLoss)
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
                    Console.WriteLine($"repeat it: {Repeat} --operation {operation} {(isPowerLoss ? "--power-loss" : "--crash")}");
                }
            }
            ShowProgress(operation, last);
        }
        Console.WriteLine($"{operations} disk operations, {runs} runs, {failed} failed, {clock.Elapsed.TotalSeconds:F1} s: {total}");
        return failed == 0 ? 0 : 1;
    }

    private static void ShowProgress(long done, long all)
    {
        if (!Console.IsErrorRedirected && done < all)
            Console.Error.Write($"\r{done}/{all} ");
        else if (!Console.IsErrorRedirected)
            Console.Error.Write("\r");
    }
}
