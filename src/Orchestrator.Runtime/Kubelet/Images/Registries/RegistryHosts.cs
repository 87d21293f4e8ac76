using System.Text;

namespace Orchestrator.Runtime.Kubelet.Images.Registries;

/// <summary>Tells containerd where images come from, in the folder that its <c>config_path</c> names: every version since 1.5 reads it at each pull.</summary>
public static class RegistryHosts
{
    private const string FileName = "hosts.toml";

    /// <summary>The folder for registries without one of their own.</summary>
    private const string DefaultFolder = "_default";

    /// <summary>By it our files are told from those that somebody else put there.</summary>
    private const string Mark = "# Written by orchestrator from the file of registries: changes are lost.";

    /// <summary>Writes what the file says, and removes what an earlier one said.</summary>
    public static void Write(string folder, RegistriesFile registries)
    {
        var texts = TextsOf(registries);
        foreach (string old in Directory.Exists(folder) ? Directory.GetDirectories(folder) : [])
        {
            if (!texts.ContainsKey(Path.GetFileName(old)) && IsOurs(Path.Combine(old, FileName)))
                Directory.Delete(old, recursive: true);
        }
        foreach (var (name, text) in texts)
        {
            string file = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, name)).FullName, FileName);
            File.WriteAllText(file + ".new", text);
            File.Move(file + ".new", file, overwrite: true);
        }
    }

    /// <summary>What each registry's file says, by its folder.</summary>
    internal static IReadOnlyDictionary<string, string> TextsOf(RegistriesFile registries)
    {
        var mirrored = registries.Mirrors.SelectMany(mirror => mirror.Value).Select(endpoint => endpoint.Host).ToHashSet();
        // A host that is only a mirror is no registry that images name.
        var special = registries.Access.Where(entry => entry.Value.HasTls && !mirrored.Contains(entry.Key))
            .Select(entry => entry.Key == RegistriesFile.DefaultRegistryHost ? RegistriesFile.DefaultRegistry : entry.Key);
        return registries.Mirrors.Keys.Union(special)
            .ToDictionary(registry => registry == RegistriesFile.AnyRegistry ? DefaultFolder : registry, registry => Text(registries, registry));
    }

    private static bool IsOurs(string file) => File.Exists(file) && File.ReadLines(file).FirstOrDefault() == Mark;

    private static string Text(RegistriesFile registries, string registry)
    {
        var text = new StringBuilder(Mark).Append('\n');
        if (registry != RegistriesFile.AnyRegistry)
        {
            string host = RegistriesFile.HostOf(registry);
            text.Append($"server = {Quoted("https://" + host)}\n");
            AddTls(text, registries.Access.GetValueOrDefault(host), "");
        }
        foreach (var endpoint in registries.EndpointsOf(registry))
        {
            text.Append($"\n[host.{Quoted(endpoint.Url.GetLeftPart(UriPartial.Path))}]\n  capabilities = [\"pull\", \"resolve\"]\n");
            if (endpoint.HasOwnPath)
                text.Append("  override_path = true\n");
            AddTls(text, registries.Access.GetValueOrDefault(endpoint.Host), "  ");
        }
        return text.ToString();
    }

    private static void AddTls(StringBuilder text, RegistryAccess? access, string indent)
    {
        if (access?.CaFile is { } authority)
            text.Append($"{indent}ca = {Quoted(authority)}\n");
        if (access?.CertFile is { } certificate)
            text.Append($"{indent}client = {(access.KeyFile is { } key ? $"[[{Quoted(certificate)}, {Quoted(key)}]]" : Quoted(certificate))}\n");
        if (access is { SkipsVerify: true })
            text.Append($"{indent}skip_verify = true\n");
    }

    /// <summary>A basic string of TOML.</summary>
    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char letter in text)
        {
            if (letter is '"' or '\\')
                quoted.Append('\\').Append(letter);
            else if (char.IsControl(letter))
                quoted.Append($"\\u{(int)letter:X4}");
            else
                quoted.Append(letter);
        }
        return quoted.Append('"').ToString();
    }
}
