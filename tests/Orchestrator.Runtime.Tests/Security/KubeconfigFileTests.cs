using System.Text;
using Orchestrator.Runtime.Security.Kubeconfigs;
using YamlDotNet.RepresentationModel;

namespace Orchestrator.Runtime.Tests.Security;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class KubeconfigFileTests : IDisposable
{
    private const string Others = """
        apiVersion: v1
        kind: Config
        preferences: {}
        clusters:
        - cluster:
            insecure-skip-tls-verify: true
            server: https://other.example.com:6443
          name: other
        users:
        - name: other
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: login
              args: ["--flag", "yes"]
              interactiveMode: Never
        contexts:
        - context:
            cluster: other
            namespace: "123"
            user: other
          name: other
        current-context: other
        extensions:
        - name: kept
          extension: { a: 1 }
        """;

    private readonly TemporaryDirectory _directory = new();

    private string Path => _directory.File("kube/config");

    public void Dispose() => _directory.Dispose();

    private static KubeconfigEntry Entry(string name = "mine", int port = 6443) =>
        new(name, new Uri($"https://127.0.0.1:{port}"), "CA PEM", "CERT PEM", "KEY PEM");

    private YamlMappingNode Read()
    {
        var stream = new YamlStream();
        using var text = new StreamReader(Path);
        stream.Load(text);
        return (YamlMappingNode)stream.Documents.Single().RootNode;
    }

    private string? Current() => ((YamlScalarNode)Read()["current-context"]).Value;

    private YamlMappingNode? Find(string list, string name) => ((YamlSequenceNode)Read()[list]).Children.Cast<YamlMappingNode>()
        .SingleOrDefault(entry => ((YamlScalarNode)entry["name"]).Value == name);

    private void WriteOthers()
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        File.WriteAllText(Path, Others);
    }

    [Fact]
    public void A_first_entry_makes_the_file_for_its_owner_alone()
    {
        KubeconfigFile.Merge(Path, Entry(), makeCurrent: false);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
        Assert.Equal("mine", Current());
        Assert.Equal("https://127.0.0.1:6443", Find("clusters", "mine")!["cluster"]["server"].ToString());
        Assert.Equal("CA PEM", Encoding.UTF8.GetString(Convert.FromBase64String(Find("clusters", "mine")!["cluster"]["certificate-authority-data"].ToString())));
        Assert.Equal("KEY PEM", Encoding.UTF8.GetString(Convert.FromBase64String(Find("users", "mine")!["user"]["client-key-data"].ToString())));
        Assert.Equal("mine", Find("contexts", "mine")!["context"]["cluster"].ToString());
    }

    [Fact]
    public void What_others_put_there_stays()
    {
        WriteOthers();

        KubeconfigFile.Merge(Path, Entry(), makeCurrent: true);

        Assert.Equal("mine", Current());
        Assert.Equal("--flag", Find("users", "other")!["user"]["exec"]["args"][0].ToString());
        Assert.Equal(YamlDotNet.Core.ScalarStyle.DoubleQuoted, ((YamlScalarNode)Find("contexts", "other")!["context"]["namespace"]).Style);
        Assert.Equal("1", Read()["extensions"][0]["extension"]["a"].ToString());
    }

    [Fact]
    public void A_second_merge_replaces_the_entry_and_not_the_current_context()
    {
        WriteOthers();
        KubeconfigFile.Merge(Path, Entry(), makeCurrent: false);

        KubeconfigFile.Merge(Path, Entry(port: 7443), makeCurrent: false);

        Assert.Equal("other", Current());
        Assert.Equal("https://127.0.0.1:7443", KubeconfigFile.ServerOf(Path, "mine"));
        Assert.Equal((true, false), KubeconfigFile.Find(Path, "mine"));
        Assert.Equal((true, true), KubeconfigFile.Find(Path, "other"));
    }

    [Fact]
    public void A_removal_takes_all_of_the_entry_and_unsets_its_context()
    {
        WriteOthers();
        KubeconfigFile.Merge(Path, Entry(), makeCurrent: true);

        Assert.True(KubeconfigFile.Remove(Path, "mine"));

        Assert.Equal("", Current());
        Assert.Null(Find("clusters", "mine"));
        Assert.Null(Find("users", "mine"));
        Assert.Null(Find("contexts", "mine"));
        Assert.NotNull(Find("users", "other"));
        Assert.False(KubeconfigFile.Remove(Path, "mine"));
        Assert.False(KubeconfigFile.Remove(_directory.File("none"), "mine"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null\n")]
    [InlineData("apiVersion: v1\nkind: Config\nclusters: null\ncontexts: []\n")]
    [InlineData("{\"apiVersion\":\"v1\",\"kind\":\"Config\"}")]
    public void Files_that_hold_nothing_yet_are_filled(string content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        File.WriteAllText(Path, content);

        KubeconfigFile.Merge(Path, Entry(), makeCurrent: false);

        Assert.Equal("mine", Current());
        Assert.NotNull(Find("clusters", "mine"));
    }

    [Theory]
    [InlineData("- a\n- b\n")]
    [InlineData("a: [\n")]
    public void What_is_no_kubeconfig_is_left_as_it_is(string content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        File.WriteAllText(Path, content);

        Assert.Throws<InvalidDataException>(() => KubeconfigFile.Merge(Path, Entry(), makeCurrent: true));
        Assert.Equal(content, File.ReadAllText(Path));
        Assert.Single(Directory.GetFiles(System.IO.Path.GetDirectoryName(Path)!));
    }

    [Theory]
    [InlineData("123")]
    [InlineData("true")]
    [InlineData("on")]
    [InlineData("a: b")]
    [InlineData("~")]
    public void Names_that_look_like_something_else_are_quoted(string name)
    {
        KubeconfigFile.Merge(Path, Entry(name), makeCurrent: true);

        Assert.Equal(name, Current());
        Assert.Contains($"current-context: \"{name}\"", File.ReadAllText(Path));
    }

    [Fact]
    public async Task Writers_at_the_same_time_lose_nothing()
    {
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => KubeconfigFile.Merge(Path, Entry($"cluster-{i}"), makeCurrent: false))));

        Assert.Equal(16, ((YamlSequenceNode)Read()["contexts"]).Children.Count);
        Assert.Single(Directory.GetFiles(System.IO.Path.GetDirectoryName(Path)!));
    }

    [Fact]
    public void A_link_is_written_through()
    {
        Directory.CreateDirectory(_directory.File("kube"));
        File.WriteAllText(_directory.File("real"), Others);
        File.CreateSymbolicLink(Path, _directory.File("real"));

        KubeconfigFile.Merge(Path, Entry(), makeCurrent: true);

        Assert.NotNull(new FileInfo(Path).LinkTarget);
        Assert.Contains("mine", File.ReadAllText(_directory.File("real")));
    }

    [Fact]
    public void The_first_file_that_exists_is_written_else_the_last()
    {
        string a = _directory.File("a"), b = _directory.File("b"), c = _directory.File("c");
        Assert.Equal(c, KubeconfigPaths.ToWrite($"{a}:{b}:{c}", "/home/me"));
        File.WriteAllText(b, "");

        Assert.Equal(b, KubeconfigPaths.ToWrite($"{a}:{b}:{c}", "/home/me"));
        Assert.Equal("/home/me/.kube/config", KubeconfigPaths.ToWrite(null, "/home/me"));
        Assert.Equal(["/home/me/.kube/config"], KubeconfigPaths.All("", "/home/me"));
    }

    [Fact]
    public void A_rendered_file_stands_alone()
    {
        Directory.CreateDirectory(_directory.File("kube"));
        File.WriteAllText(Path, KubeconfigFile.Render(Entry() with { Namespace = "team" }));

        Assert.Equal("mine", Current());
        Assert.Equal("team", Find("contexts", "mine")!["context"]["namespace"].ToString());
    }
}
