using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Host.Commands;

/// <summary>What several commands share.</summary>
internal static class CommonOptions
{
    /// <summary>What a line on standard error begins with that says why a command failed.</summary>
    public const string Complaint = "orchestrator: ";

    public static Option<string> Profile() => new("--profile", "-p")
    {
        Description = "Name of the cluster, and of its context in the kubeconfig", DefaultValueFactory = _ => Profiles.Profile.DefaultName,
        HelpName = "NAME",
        CompletionSources = { _ => Profiles.Profile.All().Select(profile => new System.CommandLine.Completions.CompletionItem(profile.Name)) },
    };

    public static int Number(ArgumentResult result) => OptionalNumber(result) ?? 0;

    public static int? OptionalNumber(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
            return number;
        result.AddError($"{((OptionResult)result.Parent!).Option.Name}: \"{text}\" is no whole number");
        return null;
    }

    /// <summary>Makes the command's exceptions one line on standard error.</summary>
    public static void SetAction(Command command, Func<ParseResult, CancellationToken, Task<int>> action) =>
        command.SetAction(async (result, cancellation) =>
        {
            try
            {
                return await action(result, cancellation);
            }
            catch (CommandException problem)
            {
                Complain(problem.Message);
                return problem.ExitCode;
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                // A full disk, a folder of somebody else: the system's own words name the file.
                Complain(problem.Message);
                return CommandException.Failure;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                Complain("interrupted");
                return 130;
            }
        });

    /// <summary>One line on standard error. Where that is a file on a full disk, there is nowhere left to say it, and the exit code does.</summary>
    public static void Complain(string message)
    {
        try
        {
            Console.Error.WriteLine(Complaint + message);
        }
        catch (IOException)
        {
            // See above.
        }
    }

    /// <exception cref="CommandException">There is none of this name.</exception>
    public static Profile ExistingProfile(string name)
    {
        var profile = Profiles.Profile.Of(name);
        return profile.Exists
            ? profile
            : throw new CommandException($"Profile \"{name}\" not found. Run \"orchestrator start --profile {name}\" to make it.", CommandException.ProfileNotFound);
    }
}
