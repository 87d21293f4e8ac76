using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Authentication;
using Orchestrator.Runtime.Security.Tokens;

namespace Orchestrator.Runtime.Tests.Security;

public sealed class TokenTests
{
    private readonly FakeClock _clock = new();
    private readonly FakeObjects _objects = new();
    private readonly TokenCounts _counts = new();
    private readonly ServiceAccount _account = new() { Metadata = new ObjectMeta { Namespace = "ns", Name = "robot", Uid = "u1" } };
    private readonly ServiceAccountTokens _tokens = new("https://issuer", ["api"], new SigningKey(ECDsa.Create(ECCurve.NamedCurves.nistP256)));

    public TokenTests() => _objects.Put(_account);

    private string Token(Func<ServiceAccountClaims, ServiceAccountClaims>? change = null)
    {
        var now = _clock.GetUtcNow();
        var claims = new ServiceAccountClaims
        {
            Issuer = "https://issuer", Audiences = ["api"], Id = "id", Namespace = "ns", ServiceAccount = new BoundObject("robot", "u1"),
            IssuedAt = now, NotBefore = now, Expires = now.AddHours(1),
        };
        return _tokens.Sign(change?.Invoke(claims) ?? claims);
    }

    private async Task<string> JudgeAsync(string token, params string[] audiences)
    {
        try
        {
            var found = await new ServiceAccountAuthenticator(_tokens, _objects, _clock, _counts).AuthenticateAsync(token, audiences.Length == 0 ? ["api"] : audiences, default);
            return found?.User.Name ?? "unknown";
        }
        catch (InvalidTokenException invalid)
        {
            return invalid.Message;
        }
    }

    [Fact]
    public async Task A_good_token_names_its_account() => Assert.Equal("system:serviceaccount:ns:robot", await JudgeAsync(Token()));

    [Fact]
    public async Task A_token_ends_a_minute_after_its_time_and_begins_a_minute_before()
    {
        string token = Token();
        _clock.Advance(TimeSpan.FromSeconds(3659));
        Assert.Equal("system:serviceaccount:ns:robot", await JudgeAsync(token));
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("service account token has expired", await JudgeAsync(token));
        _clock.Advance(TimeSpan.FromSeconds(-3661 - 61));
        Assert.Equal("service account token is not valid yet", await JudgeAsync(token));
    }

    [Fact]
    public async Task A_token_that_lives_longer_than_was_asked_for_is_counted_as_stale_after_that()
    {
        string token = Token(claims => claims with { WarnAfter = _clock.GetUtcNow().AddMinutes(10) });
        await JudgeAsync(token);
        await JudgeAsync(Token());
        _clock.Advance(TimeSpan.FromSeconds(601));
        Assert.Equal("system:serviceaccount:ns:robot", await JudgeAsync(token));

        Assert.Equal((1, 1), (_counts.Valid, _counts.Stale));
    }

    [Fact]
    public async Task An_account_made_anew_is_another()
    {
        string token = Token();
        _objects.Put(new ServiceAccount { Metadata = new ObjectMeta { Namespace = "ns", Name = "robot", Uid = "u2" } });
        Assert.Equal("service account UID (u2) does not match claim (u1)", await JudgeAsync(token));
        _objects.Remove(_account);
        Assert.Equal("serviceaccounts \"robot\" not found", await JudgeAsync(token));
    }

    [Fact]
    public async Task A_bound_token_lives_as_long_as_its_object()
    {
        var pod = AdmissionTests.Pod();
        string token = Token(claims => claims with { Pod = new BoundObject("p", "uid-p") });
        Assert.Equal("service account token has been invalidated", await JudgeAsync(token));
        _objects.Put(pod);
        Assert.Equal("system:serviceaccount:ns:robot", await JudgeAsync(token));

        pod.Metadata.DeletionTimestamp = _clock.GetUtcNow();
        Assert.Equal("system:serviceaccount:ns:robot", await JudgeAsync(token));
        _clock.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal("service account token has been invalidated", await JudgeAsync(token));
        _objects.Put(new Pod { Metadata = new ObjectMeta { Namespace = "ns", Name = "p", Uid = "other" } });
        Assert.Contains("pod UID (other)", await JudgeAsync(token));
    }

    [Fact]
    public async Task A_token_for_others_is_refused_and_one_of_others_unknown()
    {
        Assert.Equal("token audiences [\"api\"] is invalid for the target audiences [\"vault\"]", await JudgeAsync(Token(), "vault"));
        Assert.Equal("unknown", await JudgeAsync(Token(claims => claims with { Issuer = "https://other" })));
        Assert.Equal("unknown", await JudgeAsync("no.token"));
    }

    [Fact]
    public async Task What_another_key_signed_or_somebody_changed_is_refused()
    {
        string token = Token();
        string[] parts = token.Split('.');
        string other = new ServiceAccountTokens("https://issuer", ["api"], new SigningKey(RSA.Create(2048))).Sign(ServiceAccountClaims.Read(Jwt.TryParse(token)!)!);
        string forged = $"{parts[0]}.{Token(claims => claims with { ServiceAccount = new BoundObject("root", "u1") }).Split('.')[1]}.{parts[2]}";

        Assert.Equal("invalid signature", await JudgeAsync(other));
        Assert.Equal("invalid signature", await JudgeAsync(forged));
    }

    [Fact]
    public async Task A_bootstrap_token_is_what_its_secret_says()
    {
        var secret = new Secret
        {
            Metadata = new ObjectMeta { Namespace = "kube-system", Name = "bootstrap-token-abcdef" },
            Type = "bootstrap.kubernetes.io/token",
            Data = new()
            {
                ["token-id"] = "abcdef"u8.ToArray(), ["token-secret"] = "0123456789abcdef"u8.ToArray(), ["usage-bootstrap-authentication"] = "true"u8.ToArray(),
                ["auth-extra-groups"] = "system:bootstrappers:workers,system:masters"u8.ToArray(), ["expiration"] = "2026-03-01T13:00:00Z"u8.ToArray(),
            },
        };
        _objects.Put(secret);
        var authenticator = new BootstrapTokenAuthenticator(_objects, ["api"], _clock);
        async Task<string?> WhoAsync(string token) => (await authenticator.AuthenticateAsync(token, ["api"], default))?.User is { } user ? $"{user.Name} {string.Join(',', user.Groups)}" : null;

        Assert.Equal("system:bootstrap:abcdef system:bootstrappers,system:bootstrappers:workers", await WhoAsync("abcdef.0123456789abcdef"));
        Assert.Null(await WhoAsync("abcdef.0123456789abcdee"));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(await WhoAsync("abcdef.0123456789abcdef"));
    }

    [Theory]
    [InlineData("Authorization", "Bearer abc", "abc")]
    [InlineData("Authorization", "bearer  abc ", "abc")]
    [InlineData("Authorization", "Basic abc", null)]
    [InlineData("Sec-WebSocket-Protocol", "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.YWJj", "abc")]
    public void A_token_is_found_where_clients_put_it(string header, string value, string? token)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers[header] = value;
        context.Request.Headers.Upgrade = "websocket";

        Assert.Equal(token, BearerToken.Find(context.Request));
    }
}
