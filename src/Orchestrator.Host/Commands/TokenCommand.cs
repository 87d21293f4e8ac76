using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.BootstrapTokens;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator token create | list | delete</c>: what machines join a cluster with.</summary>
internal static class TokenCommand
{
    public static Command Create() => new("token", "Make, show and take away what other machines join a cluster with.") { CreateCreate(), CreateList(), CreateDelete() };

    private static Command CreateCreate()
    {
        var profileOption = CommonOptions.Profile();
        var ttl = new Option<string>("--ttl") { Description = "How long machines may join with it; 0 is for ever", DefaultValueFactory = _ => "24h", HelpName = "DURATION" };
        var description = new Option<string?>("--description") { Description = "What it is for", HelpName = "TEXT" };
        var printsCommand = new Option<bool>("--print-join-command") { Description = "Print the whole command for the other machine" };
        var command = new Command("create", "Make a token and print it.") { profileOption, ttl, description, printsCommand };
        CommonOptions.SetAction(command, async (result, cancellation) =>
        {
            string text = result.GetValue(ttl)!;
            var life = text == "0" ? TimeSpan.Zero : ServerCommandOptions.ReadDuration("--ttl", text);
            if (life < TimeSpan.Zero)
                throw new CommandException($"--ttl: \"{text}\" is in the past");
            var profile = JoinableProfile(result.GetValue(profileOption)!);
            var token = new BootstrapToken(RandomNumberGenerator.GetString(BootstrapToken.Letters, BootstrapToken.IdLength),
                RandomNumberGenerator.GetString(BootstrapToken.Letters, BootstrapToken.SecretLength))
            {
                Expiration = life == TimeSpan.Zero ? null : DateTimeOffset.UtcNow + life,
                Description = result.GetValue(description) ?? "",
            };
            await AskAsync(profile, api => api.CreateAsync(token.ToSecret(), cancellation: cancellation));
            var joining = new JoinToken(HashOf(AdminCredentials.Of(profile.Directory).AuthorityPem), token);
            Console.WriteLine(result.GetValue(printsCommand)
                ? $"orchestrator agent --server {ProfileSettings.Load(profile)!.JoinAddress.GetLeftPart(UriPartial.Authority)} --token {joining}"
                : joining.ToString());
            return 0;
        });
        return command;
    }

    private static Command CreateList()
    {
        var profileOption = CommonOptions.Profile();
        var command = new Command("list", "Show the tokens, without their secrets.") { profileOption };
        CommonOptions.SetAction(command, async (result, cancellation) =>
        {
            var profile = JoinableProfile(result.GetValue(profileOption)!);
            var secrets = await AskAsync(profile, api => api.ListAsync<Secret>(BootstrapToken.Namespace, cancellation: cancellation));
            Console.WriteLine("ID      EXPIRES               DESCRIPTION");
            foreach (var token in secrets.Items.Select(BootstrapToken.Of).OfType<BootstrapToken>())
            {
                string end = token.Expiration?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "never";
                Console.WriteLine($"{token.Id,-6}  {end,-20}  {token.Description}".TrimEnd());
            }
            return 0;
        });
        return command;
    }

    private static Command CreateDelete()
    {
        var profileOption = CommonOptions.Profile();
        var id = new Argument<string>("ID") { Description = "A token's first six letters, or all of it" };
        var command = new Command("delete", "Take a token away. Machines that have joined with it stay.") { profileOption, id };
        CommonOptions.SetAction(command, async (result, cancellation) =>
        {
            string text = result.GetValue(id)!;
            string name = JoinToken.Parse(text, out _)?.Token.Id ?? BootstrapToken.Parse(text)?.Id ?? text;
            if (!BootstrapToken.IsId(name))
                throw new CommandException($"\"{text}\" is no token's id: 'orchestrator token list' shows them");
            var profile = JoinableProfile(result.GetValue(profileOption)!);
            await AskAsync(profile, async api =>
            {
                await api.DeleteAsync<Secret>(BootstrapToken.Namespace, BootstrapToken.NameOf(name), cancellation: cancellation);
                return true;
            });
            Console.WriteLine($"Token {name} is deleted.");
            return 0;
        });
        return command;
    }

    /// <summary>Of the certificate itself: how it is written down does not matter.</summary>
    internal static string HashOf(string authorityPem)
    {
        using var authority = X509Certificate2.CreateFromPem(authorityPem);
        return Convert.ToHexStringLower(SHA256.HashData(authority.RawData));
    }

    private static Profile JoinableProfile(string name)
    {
        var profile = CommonOptions.ExistingProfile(name);
        return ProfileSettings.Load(profile)!.IsJoinable ? profile : throw new CommandException(
            $"machines can join only a cluster in its machine's own network: \"{name}\" is reached by its own machine alone; make one with 'orchestrator start --node-network host'");
    }

    private static async Task<T> AskAsync<T>(Profile profile, Func<ApiClient, Task<T>> ask)
    {
        using var client = ClusterClient.Of(profile);
        try
        {
            return await ask(client.Api);
        }
        catch (ApiException refusal)
        {
            throw new CommandException(refusal.Message);
        }
        catch (TransportException fault)
        {
            throw new CommandException($"the API server does not answer: {fault.Message}");
        }
    }
}
