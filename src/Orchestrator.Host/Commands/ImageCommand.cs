using System.CommandLine;
using System.Globalization;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator image import FILE</c> and <c>image ls</c>: images of a node without a registry.</summary>
internal static class ImageCommand
{
    private const int DigestDigits = 12;

    public static Command Create() => new("image", "Images of a cluster's node.") { CreateImport(), CreateList() };

    private static Command CreateImport()
    {
        var profileOption = CommonOptions.Profile();
        var files = new Argument<string[]>("FILE")
        {
            Description = "Archive of images: an OCI layout, or what docker save wrote", Arity = ArgumentArity.OneOrMore,
        };
        var command = new Command("import", "Put the images of an archive on the node: pods use them without a registry.") { profileOption, files };
        CommonOptions.SetAction(command, (result, cancellation) => WithImporterAsync(result.GetValue(profileOption)!, async importer =>
        {
            foreach (string file in result.GetValue(files)!)
            {
                foreach (var image in await importer.ImportAsync(file, cancellation))
                    Console.WriteLine(image.Names.Count == 0 ? image.Id : string.Join('\n', image.Names));
            }
        }));
        return command;
    }

    private static Command CreateList()
    {
        var profileOption = CommonOptions.Profile();
        var command = new Command("ls", "List the node's images.") { profileOption };
        command.Aliases.Add("list");
        CommonOptions.SetAction(command, (result, cancellation) => WithImporterAsync(result.GetValue(profileOption)!, async importer =>
        {
            var images = await importer.ListAsync(cancellation);
            string[][] rows = [["IMAGE", "DIGEST", "SIZE", "CREATED"], .. images.Select(Row)];
            foreach (string line in Aligned(rows))
                Console.WriteLine(line);
        }));
        return command;
    }

    private static async Task<int> WithImporterAsync(string profileName, Func<ImageImporter, Task> work)
    {
        var profile = CommonOptions.ExistingProfile(profileName);
        if (!ProfileSettings.Load(profile)!.HasNode)
            throw new CommandException("the nodes of this cluster are pretended: they have every image");
        var place = NodePlace.Of(profile);
        if (ContainerdProcess.Running(place) is null)
            throw new CommandException($"Cluster \"{profile.Name}\" is not running: run 'orchestrator start --profile {profile.Name}'.");
        using var importer = new ImageImporter(new CriOptions { Socket = place.ContainerdSocket });
        try
        {
            await work(importer);
            return 0;
        }
        catch (Exception fault) when (fault is ImageArchiveException or CriException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException(fault.Message);
        }
    }

    private static string[] Row(ListedImage image) =>
    [
        image.Name, Short(image.Digest), Size(image.SizeBytes), image.CreatedAt.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
    ];

    private static string Short(string digest) => digest[(digest.IndexOf(':') + 1)..] is var digits && digits.Length > DigestDigits ? digits[..DigestDigits] : digits;

    internal static string Size(long bytes) => bytes < 1_000_000
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB")
        : bytes < 1_000_000_000
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB")
            : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB");

    /// <summary>Columns three blanks apart, as kubectl has them.</summary>
    internal static IEnumerable<string> Aligned(string[][] rows)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        return rows.Select(row => string.Join("   ", row.Select((text, column) => text.PadRight(widths[column]))).TrimEnd());
    }
}
