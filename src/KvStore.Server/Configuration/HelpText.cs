namespace KvStore.Server.Configuration;

/// <summary>What <c>--help</c> prints: all flags under etcd's names (scripts search it for them), by section.</summary>
internal static class HelpText
{
    public static string Usage(string program) =>
        $"""
        Usage:

          {program} [flags]
            Start the server.

          {program} --config-file FILE
            Start it with the settings of a YAML or JSON file; other flags and ETCD_* variables are then ignored.

          {program} --version
            Show the versions.

          {program} -h | --help
            Show all flags.
        """;

    public static void Write(TextWriter output, string program, IEnumerable<(string Name, string? Description)> subcommands)
    {
        output.WriteLine(Usage(program));
        foreach ((string name, string? description) in subcommands)
        {
            output.WriteLine();
            output.WriteLine($"  {program} {name}");
            output.WriteLine($"    {description}");
        }
        foreach (FlagSection section in FlagTable.Sections)
        {
            output.WriteLine();
            output.WriteLine($"{section.Title}:");
            foreach (Flag flag in section.Flags.Where(flag => !flag.IsHidden))
                Write(output, flag);
        }
    }

    private static void Write(TextWriter output, Flag flag)
    {
        output.WriteLine($"  --{flag.Name} '{flag.Default}'");
        output.WriteLine($"    {flag.Description}");
        if (flag.Choices.Count > 0)
            output.WriteLine($"    One of: {string.Join(", ", flag.Choices.Select(choice => $"'{choice}'"))}.");
        if (flag.Status == FlagStatus.Accepted)
            output.WriteLine($"    Has no effect: {flag.Reason}.");
        if (flag.Status == FlagStatus.Refused)
            output.WriteLine($"    Refused: {flag.Reason}.");
        foreach (string old in flag.OldNames)
            output.WriteLine($"    Formerly --{old}.");
    }
}
