using System.Text;
using Orchestrator.Runtime.Security.Certificates;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Orchestrator.Runtime.Security.Kubeconfigs;

/// <summary>A kubeconfig file on disk. Writing changes one entry and the current context; what others put there stays.</summary>
/// <remarks>Writers shut each other out by kubectl's own lock file, and readers see the old file or the new one.</remarks>
public static class KubeconfigFile
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(20);

    /// <summary>Adds the entry or replaces the one of its name.</summary>
    /// <exception cref="InvalidDataException">The file is there and is no kubeconfig; it is left as it is.</exception>
    public static void Merge(string path, KubeconfigEntry entry, bool makeCurrent) => Change(path, root =>
    {
        Put(root, "clusters", entry.Name, Named(entry.Name, "cluster", Cluster(entry)));
        Put(root, "users", entry.Name, Named(entry.Name, "user", User(entry)));
        Put(root, "contexts", entry.Name, Named(entry.Name, "context", Context(entry)));
        bool hasCurrent = root.Children.TryGetValue("current-context", out var current) && current is YamlScalarNode { Value.Length: > 0 };
        if (makeCurrent || !hasCurrent)
            root.Children["current-context"] = Scalar(entry.Name);
        return true;
    });

    /// <summary>Takes the entry away; a current context that was its is unset. A file without it is not touched.</summary>
    /// <returns>Was it there?</returns>
    public static bool Remove(string path, string name)
    {
        if (!File.Exists(path))
            return false;
        return Change(path, root =>
        {
            bool isChanged = Take(root, "clusters", name) | Take(root, "users", name) | Take(root, "contexts", name);
            if (root.Children.TryGetValue("current-context", out var current) && current is YamlScalarNode scalar && scalar.Value == name)
            {
                root.Children["current-context"] = Scalar("");
                isChanged = true;
            }
            return isChanged;
        });
    }

    /// <summary>Is there a context of that name, and is it the current one?</summary>
    public static (bool IsThere, bool IsCurrent) Find(string path, string name)
    {
        if (!File.Exists(path))
            return (false, false);
        var root = Read(path);
        bool isCurrent = root.Children.TryGetValue("current-context", out var current) && current is YamlScalarNode scalar && scalar.Value == name;
        return (IndexOf(root, "contexts", name) >= 0, isCurrent);
    }

    /// <summary>The server's URL of the cluster of that name; null if there is none.</summary>
    public static string? ServerOf(string path, string name)
    {
        if (!File.Exists(path))
            return null;
        var root = Read(path);
        int index = IndexOf(root, "clusters", name);
        if (index < 0 || ((YamlSequenceNode)root.Children["clusters"])[index] is not YamlMappingNode entry)
            return null;
        return entry.Children.TryGetValue("cluster", out var cluster) && cluster is YamlMappingNode mapping
            && mapping.Children.TryGetValue("server", out var server) ? (server as YamlScalarNode)?.Value : null;
    }

    /// <summary>A whole file with this entry alone.</summary>
    public static string Render(KubeconfigEntry entry)
    {
        var root = Skeleton();
        Put(root, "clusters", entry.Name, Named(entry.Name, "cluster", Cluster(entry)));
        Put(root, "users", entry.Name, Named(entry.Name, "user", User(entry)));
        Put(root, "contexts", entry.Name, Named(entry.Name, "context", Context(entry)));
        root.Children["current-context"] = Scalar(entry.Name);
        return Text(root);
    }

    /// <summary>A kubeconfig of a cluster alone, without users: what anybody may know of it.</summary>
    public static string RenderCluster(Uri server, string authorityPem)
    {
        var cluster = new YamlMappingNode
        {
            { "certificate-authority-data", Base64(authorityPem) },
            { "server", Scalar(server.GetLeftPart(UriPartial.Path).TrimEnd('/')) },
        };
        return Text(new YamlMappingNode
        {
            { "apiVersion", Scalar("v1") },
            { "kind", Scalar("Config") },
            { "clusters", new YamlSequenceNode(Named("", "cluster", cluster)) },
            { "contexts", new YamlSequenceNode() },
            { "current-context", Scalar("") },
            { "preferences", new YamlMappingNode() },
            { "users", new YamlSequenceNode() },
        });
    }

    private static bool Change(string path, Func<YamlMappingNode, bool> change)
    {
        string full = Path.GetFullPath(path);
        SecretFiles.MakeDirectory(Path.GetDirectoryName(full)!);
        using var held = Lock(full + ".lock");
        var root = File.Exists(full) ? Read(full) : Skeleton();
        if (!change(root))
            return false;
        SecretFiles.Write(full, Text(root));
        return true;
    }

    /// <summary>EEXIST, or Windows' ERROR_FILE_EXISTS.</summary>
    private static bool IsThere(IOException fault) => fault.HResult is 17 or unchecked((int)0x80070050);

    private static FileStream Lock(string path)
    {
        var deadline = DateTime.UtcNow + LockPatience;
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            }
            catch (IOException fault) when (IsThere(fault) && DateTime.UtcNow < deadline)
            {
                // It may be gone again by now: the error says what was.
                Thread.Sleep(LockRetry);
            }
            catch (IOException fault) when (IsThere(fault))
            {
                throw new IOException($"Somebody else is writing this kubeconfig; if nobody is, delete {path}.");
            }
        }
    }

    private static YamlMappingNode Read(string path)
    {
        var stream = new YamlStream();
        try
        {
            using var text = new StreamReader(path);
            stream.Load(text);
        }
        catch (YamlException error)
        {
            throw new InvalidDataException($"{path} is no kubeconfig: {error.Message}", error);
        }
        if (stream.Documents.Count == 0 || stream.Documents[0].RootNode is YamlScalarNode { Value: "" or null or "null" or "~" })
            return Skeleton();
        return stream.Documents[0].RootNode as YamlMappingNode
            ?? throw new InvalidDataException($"{path} is no kubeconfig: it is not a mapping.");
    }

    private static string Text(YamlMappingNode root)
    {
        using var text = new StringWriter { NewLine = "\n" };
        new YamlStream(new YamlDocument(root)).Save(text, assignAnchors: false);
        string yaml = text.ToString();
        return yaml.EndsWith("...\n", StringComparison.Ordinal) ? yaml[..^4] : yaml;
    }

    private static YamlMappingNode Skeleton() => new()
    {
        { "apiVersion", "v1" },
        { "kind", "Config" },
        { "preferences", new YamlMappingNode { Style = YamlDotNet.Core.Events.MappingStyle.Flow } },
        { "clusters", new YamlSequenceNode() },
        { "users", new YamlSequenceNode() },
        { "contexts", new YamlSequenceNode() },
        { "current-context", Scalar("") },
    };

    private static YamlMappingNode Cluster(KubeconfigEntry entry) => new()
    {
        { "certificate-authority-data", Base64(entry.CertificateAuthorityPem) },
        { "server", Scalar(entry.Server.GetLeftPart(UriPartial.Path).TrimEnd('/')) },
    };

    private static YamlMappingNode User(KubeconfigEntry entry) => new()
    {
        { "client-certificate-data", Base64(entry.ClientCertificatePem) },
        { "client-key-data", Base64(entry.ClientKeyPem) },
    };

    private static YamlMappingNode Context(KubeconfigEntry entry)
    {
        var context = new YamlMappingNode { { "cluster", Scalar(entry.Name) }, { "user", Scalar(entry.Name) } };
        if (entry.Namespace is { } name)
            context.Add("namespace", Scalar(name));
        return context;
    }

    private static YamlMappingNode Named(string name, string kind, YamlMappingNode content) =>
        new() { { "name", Scalar(name) }, { kind, content } };

    private static YamlScalarNode Base64(string pem) => new(Convert.ToBase64String(Encoding.UTF8.GetBytes(pem)));

    // Quoted when it could be read as a number, a truth or nothing at all.
    private static YamlScalarNode Scalar(string value)
    {
        bool isPlain = value.Length > 0 && char.IsAsciiLetter(value[0]) && value.Any(letter => letter is '-' or ':' or '.' || value.Length > 5)
            && value.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '/' or ':' or '_' or '[' or ']')
            && !value.EndsWith(':');
        return new YamlScalarNode(value) { Style = isPlain ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted };
    }

    private static YamlSequenceNode ListOf(YamlMappingNode root, string list)
    {
        if (root.Children.TryGetValue(list, out var node) && node is YamlSequenceNode sequence)
            return sequence;
        var made = new YamlSequenceNode();
        root.Children[list] = made;
        return made;
    }

    private static int IndexOf(YamlMappingNode root, string list, string name)
    {
        if (!root.Children.TryGetValue(list, out var node) || node is not YamlSequenceNode entries)
            return -1;
        for (int index = 0; index < entries.Children.Count; index++)
        {
            if (entries[index] is YamlMappingNode entry && entry.Children.TryGetValue("name", out var found)
                && found is YamlScalarNode scalar && scalar.Value == name)
                return index;
        }
        return -1;
    }

    private static void Put(YamlMappingNode root, string list, string name, YamlMappingNode entry)
    {
        int index = IndexOf(root, list, name);
        var entries = ListOf(root, list);
        if (index >= 0)
            entries.Children[index] = entry;
        else
            entries.Add(entry);
    }

    private static bool Take(YamlMappingNode root, string list, string name)
    {
        bool isTaken = false;
        for (int index = IndexOf(root, list, name); index >= 0; index = IndexOf(root, list, name))
        {
            ((YamlSequenceNode)root.Children[list]).Children.RemoveAt(index);
            isTaken = true;
        }
        return isTaken;
    }
}
