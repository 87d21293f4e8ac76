using System.Text;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>Which registry sees which credentials.</summary>
public sealed class PullSecretsTests
{
    [Theory]
    [InlineData("registry.example.com", "registry.example.com/app:1", true)]
    [InlineData("https://registry.example.com/v2/", "registry.example.com/app@sha256:abc", true)]
    [InlineData("registry.example.com", "registry.example.com:5000/app", false)]
    [InlineData("registry.example.com:5000", "registry.example.com:5000/app:1", true)]
    [InlineData("*.example.com", "registry.example.com/app", true)]
    [InlineData("*.example.com", "example.com/app", false)]
    [InlineData("*.example.com", "a.registry.example.com/app", false)]
    [InlineData("example.com/team", "example.com/team/app", true)]
    [InlineData("example.com/team", "example.com/other/app", false)]
    [InlineData("https://index.docker.io/v1/", "nginx", true)]
    [InlineData("https://index.docker.io/v1/", "library/nginx:1", true)]
    [InlineData("docker.io", "docker.io/me/app", true)]
    [InlineData("https://index.docker.io/v1/", "localhost/app", false)]
    [InlineData("registry.example.com", "nginx", false)]
    public void A_place_stands_for_the_images_below_it(string place, string image, bool fits) =>
        Assert.Equal(fits, Secrets(Json(place, "me", "secret")).For(image).Count == 1);

    [Fact]
    public void The_nearest_place_comes_first()
    {
        PullSecrets secrets = Secrets(Json("example.com", "all", "1"), Json("example.com/team", "team", "2"));

        Assert.Equal(["team", "all"], secrets.For("example.com/team/app").Select(credentials => credentials.Username));
    }

    [Fact]
    public void User_and_password_may_be_one_word_and_the_password_may_have_colons()
    {
        string auth = Convert.ToBase64String(Encoding.UTF8.GetBytes("me:se:cret"));

        var found = Assert.Single(Secrets($$$"""{"auths":{"example.com":{"auth":"{{{auth}}}" } } }""").For("example.com/app"));

        Assert.Equal(("me", "se:cret"), (found.Username, found.Password));
    }

    [Fact]
    public void Old_configurations_have_no_envelope()
    {
        var secrets = new PullSecrets();
        secrets.Add(new Secret { Data = new() { [".dockercfg"] = """{"example.com":{"username":"me","password":"p"}}"""u8.ToArray() } });

        Assert.Equal("me", Assert.Single(secrets.For("example.com/app")).Username);
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("{}")]
    [InlineData("""{"auths":[]}""")]
    [InlineData("""{"auths":{"example.com":{"auth":"no base64!"}}}""")]
    public void What_is_no_configuration_holds_nothing(string text) => Assert.Empty(Secrets(text).For("example.com/app"));

    private static PullSecrets Secrets(params string[] configurations)
    {
        var secrets = new PullSecrets();
        foreach (string configuration in configurations)
            secrets.Add(new Secret { Data = new() { [".dockerconfigjson"] = Encoding.UTF8.GetBytes(configuration) } });
        return secrets;
    }

    private static string Json(string place, string user, string password) =>
        $$$"""{"auths":{"{{{place}}}":{"username":"{{{user}}}","password":"{{{password}}}" } } }""";
}
