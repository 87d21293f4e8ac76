using Orchestrator.Host;
using Orchestrator.Host.Commands;
using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet.Images.Registries;

namespace Orchestrator.Node.Tests.Machine;

/// <summary>The file that says where images really come from.</summary>
public sealed class RegistriesTests
{
    [Fact]
    public void A_registrys_mirrors_come_in_their_order_before_itself()
    {
        var texts = TextsOf("""
            mirrors:
              docker.io:
                endpoint: ["https://one.example:5000", "two.example/proxy/v2", localhost:5001]
            """);

        Assert.Equal(
            """
            server = "https://registry-1.docker.io"

            [host."https://one.example:5000/v2"]
              capabilities = ["pull", "resolve"]

            [host."https://two.example/proxy/v2"]
              capabilities = ["pull", "resolve"]
              override_path = true

            [host."http://localhost:5001/v2"]
              capabilities = ["pull", "resolve"]

            """, texts["docker.io"]);
    }

    [Fact]
    public void Whoever_has_no_mirror_of_its_own_has_that_of_all()
    {
        var texts = TextsOf("""
            mirrors:
              "*": { endpoint: ["http://any.example"] }
            configs:
              registry.example: { tls: { insecure_skip_verify: true } }
            """);

        Assert.Equal(["_default", "registry.example"], texts.Keys.Order());
        Assert.DoesNotContain("server", texts["_default"]);
        Assert.StartsWith("server = \"https://registry.example\"\nskip_verify = true\n", texts["registry.example"]);
        Assert.Contains("[host.\"http://any.example/v2\"]", texts["registry.example"]);
    }

    [Fact]
    public void Certificates_are_those_of_the_host_that_is_spoken_to()
    {
        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["ca.pem", "cert.pem", "key.pem"])
            File.WriteAllText(Path.Combine(folder.Path, name), "");

        var texts = RegistryHosts.TextsOf(RegistriesFile.Parse("""
            mirrors: { docker.io: { endpoint: ["https://mirror.example"] } }
            configs:
              mirror.example: { tls: { ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem } }
            """, folder.Path));

        Assert.EndsWith(
            $"""
              ca = "{folder.Path}/ca.pem"
              client = [["{folder.Path}/cert.pem", "{folder.Path}/key.pem"]]

            """, Assert.Single(texts).Value);
    }

    [Fact]
    public void A_path_before_all_names_is_a_rewriting_that_containerd_can_do() => Assert.Contains(
        "[host.\"https://mirror.example/v2/hub\"]\n  capabilities = [\"pull\", \"resolve\"]\n  override_path = true",
        TextsOf("mirrors: { docker.io: { endpoint: [\"https://mirror.example\"], rewrite: { \"^(.*)$\": \"hub/$1\" } } }")["docker.io"]);

    [Fact]
    public void Each_host_sees_its_own_credentials_alone()
    {
        var registries = RegistriesFile.Parse("""
            mirrors:
              docker.io: { endpoint: ["http://mirror.example:5000"] }
            configs:
              mirror.example:5000: { auth: { auth: cHVsbGVyOnNlY3JldA== } }
              docker.io: { auth: { identity_token: abc } }
              other.example: { auth: { username: a, password: b } }
            """, "/");

        var credentials = registries.CredentialsFor("busybox:1");

        Assert.Equal([("http://mirror.example:5000", "puller", "secret", ""), ("https://registry-1.docker.io", "", "", "abc")],
            credentials.Select(one => (one.ServerAddress, one.Username, one.Password, one.IdentityToken)));
        Assert.Equal(["a"], registries.CredentialsFor("other.example/team/app@sha256:00").Select(one => one.Username));
        Assert.Empty(registries.CredentialsFor("quay.io/app"));
    }

    [Theory]
    [InlineData("mirrors: [a", "yaml: line ")]
    [InlineData("mirror: {}", "there is no \"mirror\" here, only mirrors, configs")]
    [InlineData("mirrors: { docker.io: { endpoints: [] } }", "mirrors[\"docker.io\"]: there is no \"endpoints\" here, only endpoint, rewrite")]
    [InlineData("mirrors: { docker.io: { endpoint: https://x } }", "mirrors[\"docker.io\"].endpoint: a list of texts is needed")]
    [InlineData("mirrors: { docker.io: { endpoint: [ftp://x] } }", "mirrors[\"docker.io\"]: endpoint: \"ftp://x\" is no URL of a registry")]
    [InlineData("mirrors: { docker.io: { endpoint: [x], rewrite: { \"^library/(.*)\": \"$1\" } } }", "mirrors[\"docker.io\"]: rewrite: ")]
    [InlineData("configs: { x: { auth: { auth: \"!\" } } }", "configs.x.auth: auth is not the base64 of USER:PASSWORD")]
    [InlineData("configs: { x: { tls: { ca_file: /nowhere/ca } } }", "configs.x.tls: ca_file: there is no file /nowhere/ca")]
    [InlineData("configs: { x: { tls: { insecure_skip_verify: 1 } } }", "configs.x.tls.insecure_skip_verify: true or false is needed")]
    [InlineData("[]", "names with values are needed")]
    public void A_file_that_makes_no_sense_is_refused_with_the_place_and_the_reason(string yaml, string expected)
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "r.yaml");
        File.WriteAllText(file, yaml);

        string message = Assert.Throws<CommandException>(() => ServerCommandOptions.ReadRegistries(file, folder.Path)).Message;

        Assert.StartsWith($"--registries: {file}: {expected}", message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void The_file_in_the_data_directory_is_taken_when_none_is_given_and_none_is_no_failure()
    {
        using var folder = new TemporaryFolder();

        Assert.Empty(RegistryHosts.TextsOf(ServerCommandOptions.ReadRegistries(null, folder.Path)));
        File.WriteAllText(Path.Combine(folder.Path, "registries.yaml"), "mirrors: { quay.io: { endpoint: [x.example] } }");

        Assert.Equal(["quay.io"], RegistryHosts.TextsOf(ServerCommandOptions.ReadRegistries(null, folder.Path)).Keys);
    }

    [Fact]
    public void What_an_earlier_file_said_is_forgotten_and_what_others_wrote_stays()
    {
        using var folder = new TemporaryFolder();
        RegistryHosts.Write(folder.Path, RegistriesFile.Parse("mirrors: { quay.io: { endpoint: [x.example] } }", "/"));
        Directory.CreateDirectory(Path.Combine(folder.Path, "own.example"));
        File.WriteAllText(Path.Combine(folder.Path, "own.example", "hosts.toml"), "server = \"https://x\"\n");

        RegistryHosts.Write(folder.Path, RegistriesFile.Parse("mirrors: { ghcr.io: { endpoint: [x.example] } }", "/"));

        Assert.Equal(["ghcr.io", "own.example"], Directory.GetDirectories(folder.Path).Select(Path.GetFileName).Order());
    }

    private static Dictionary<string, string> TextsOf(string yaml) => RegistryHosts.TextsOf(RegistriesFile.Parse(yaml, "/"))
        .ToDictionary(entry => entry.Key, entry => entry.Value[(entry.Value.IndexOf('\n', StringComparison.Ordinal) + 1)..]);
}
