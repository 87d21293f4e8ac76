using System.Globalization;
using KvStore.Mutants;

return new CommandLine(args).Run();

/// <summary>The program: plants bugs one at a time and looks whether the simulation finds them.</summary>
internal sealed class CommandLine(string[] arguments)
{
    private readonly List<string> _names = [];
    private string _seeds = "1..1000000";
    private int _seconds = 300;
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
              --only NAME...        these alone
              --seeds A..B          the seeds to run (1..1000000)
              --seconds N           CPU seconds after which a mutant counts as a survivor (300)
              --check               only looks whether each mutant's original lines are there, once
              --list                only prints the mutants and what they break

            Works in artifacts/mutants; src stays as it is. Prints a row of a table for each mutant. A bug counts as found when the
            unchanged code passes the same seed. Exit code 0 when all were found, 1 when one survived, 2 when it was called wrongly
            or something did not build.
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
        return new Campaign(root, _seeds, TimeSpan.FromSeconds(_seconds))
            .Run(mutants.FindAll(mutant => _names.Count == 0 || _names.Contains(mutant.Name)));
    }
}
