using System.Globalization;
using KvStore.Mutants;

return new CommandLine(args).Run();

/// <summary>The program: plants bugs one at a time and looks whether the simulation finds them, or storms on real processes
/// do.</summary>
internal sealed class CommandLine(string[] arguments)
{
    private readonly List<string> _names = [];
    private string? _seeds;
    private int _seconds = 300;
    private int _minutes = 3;
    private bool _isStorms;
    private bool _isCheck;
    private bool _isList;

    public int Run()
    {
        try
        {
            if (!TryRead())
                return Help();
            string root = MutantList.FindRoot();
            return _isCheck ? CheckList(root) : _isList ? List(root) : Campaign(root);
        }
        catch (FormatException slip)
        {
            Console.Error.WriteLine($"{slip.Message}; --help tells what there is");
            return 2;
        }
    }

    private static int Help()
    {
        Console.WriteLine($"""
            Plants bugs in a copy of the production code, one at a time, and runs the simulation until it finds them.

              (nothing)             all mutants of {MutantList.File}
              --only NAME...        these alone, in this order
              --seeds A..B          the seeds to run (1..1000000)
              --seconds N           CPU seconds after which a mutant counts as a survivor (300)
              --storms              real processes under faults in place of the simulation (chaos run, see chaos/README.md; as
                                    root): a storm for each seed (1..5) until one ends with a violation
              --minutes N           how long each storm lasts (3)
              --check               only looks whether each mutant's original lines are there, once
              --list                only prints the mutants and what they break

            Works in artifacts/mutants; src stays as it is. Prints a row of a table for each mutant. A bug counts as found when the
            unchanged code passes the same seed, with storms: when the unchanged server shows no violation in the same storm. A storm in
            which too little happened, and no violation, has found nothing. Exit code 0 when all were found, 1 when one survived, 2
            when it was called wrongly or something did not build or run.
            """);
        return 0;
    }

    private bool TryRead()
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--help" or "-h": return false;
                case "--check": _isCheck = true; break;
                case "--list": _isList = true; break;
                case "--storms": _isStorms = true; break;
                case "--minutes": _minutes = Number(Value(ref i)); break;
                case "--seeds": _seeds = Value(ref i); break;
                case "--seconds": _seconds = Number(Value(ref i)); break;
                case "--only":
                    while (i + 1 < arguments.Length && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal))
                        _names.Add(arguments[++i]);
                    break;
                default: throw new FormatException($"'{arguments[i]}' is unknown");
            }
        }
        return true;
    }

    private string Value(ref int i) => i + 1 < arguments.Length ? arguments[++i] : throw new FormatException($"'{arguments[i]}' lacks its value");

    private static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
        ? number
        : throw new FormatException($"'{text}' is no number");

    private static int CheckList(string root)
    {
        var problems = MutantList.Problems(root).ToList();
        foreach (string problem in problems)
            Console.WriteLine(problem);
        Console.WriteLine($"{MutantList.Read(root).Count} mutants, {problems.Count} problems");
        return problems.Count == 0 ? 0 : 1;
    }

    private static int List(string root)
    {
        foreach (var mutant in MutantList.Read(root))
            Console.WriteLine($"{mutant.Name}: {mutant.Rule}");
        return 0;
    }

    private int Campaign(string root)
    {
        var mutants = MutantList.Read(root);
        if (_names.Find(name => !mutants.Exists(mutant => mutant.Name == name)) is { } unknown)
            throw new FormatException($"there is no mutant '{unknown}', but {string.Join(", ", mutants.Select(mutant => mutant.Name))}");
        if (MutantList.Problems(root).FirstOrDefault() is { } problem)
            throw new FormatException(problem);
        if (_names.Count > 0)
            mutants = [.. _names.Distinct().Select(name => mutants.Single(mutant => mutant.Name == name))];
        return _isStorms
            ? new StormCampaign(root, Seeds(_seeds ?? "1..5"), _minutes).Run(mutants)
            : new Campaign(root, _seeds ?? "1..1000000", TimeSpan.FromSeconds(_seconds)).Run(mutants);
    }

    private static (long First, long Last) Seeds(string text) => text.Split("..") is [var first, var last]
        ? (Number(first), Number(last))
        : throw new FormatException($"'{text}' is no range of seeds like 1..5");
}
