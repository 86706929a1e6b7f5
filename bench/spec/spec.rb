# The twin of test_spec.py for serverspec: the same facts, in its own words.
require 'serverspec'
set :backend, :ssh
set :host, ENV.fetch('BENCH_HOST')
set :ssh_options, port: Integer(ENV.fetch('BENCH_PORT')), user: ENV.fetch('BENCH_USER'),
                  keys: [ENV.fetch('BENCH_KEY')], keys_only: true, use_agent: false,
                  config: false, verify_host_key: :never
set :disable_sudo, false

MARK = 'It works on my server'.freeze

%w[nginx openssh-server sudo fail2ban].each { |name| describe(package(name)) { it { should be_installed } } }
describe(package('telnetd')) { it { should_not be_installed } }
describe file('/etc/passwd') do
  it { should be_mode 644 }
  it { should be_owned_by 'root' }
  it { should be_grouped_into 'root' }
end
describe file('/etc/shadow') do
  it { should be_mode 640 }
  it { should be_owned_by 'root' }
  it { should be_grouped_into 'shadow' }
end
describe file('/etc/sudoers') do
  it { should be_mode 440 }
  it { should be_owned_by 'root' }
end
describe file('/etc/ssh/sshd_config') do
  it { should be_file }
  its(:content) { should match(/Include/) }
end
describe(file('/etc/ssh/sshd_config.d')) { it { should be_directory } }
describe file('/etc/nginx/nginx.conf') do
  it { should be_file }
  it { should be_owned_by 'root' }
  its(:content) { should match(/worker_connections/) }
end
describe(file('/etc/nginx/sites-enabled/app')) { it { should be_symlink } }
describe(file('/etc/nginx/sites-enabled/default')) { it { should_not exist } }
describe file('/srv/app/index.html') do
  it { should exist }
  its(:content) { should include MARK }
  it { should be_mode 644 }
end
describe file('/srv/app') do
  it { should be_directory }
  it { should be_readable.by('others') }
end
describe(file('/etc/hostname')) { its(:content) { should match(/^web$/) } }
describe(file('/etc/machine-info')) { its(:content) { should include 'training' } }
describe file('/srv/team') do
  it { should be_directory }
  it { should be_grouped_into 'team' }
end
describe file('/etc/tally/secret.env') do
  it { should be_owned_by 'root' }
  it { should be_grouped_into 'tally' }
end
describe user('deployer') do
  it { should exist }
  it { should have_login_shell '/bin/bash' }
  it { should belong_to_group 'sudo' }
end
describe(user('www-data')) { it { should have_login_shell '/usr/sbin/nologin' } }
%w[team tally].each { |name| describe(group(name)) { it { should exist } } }
%w[nginx ssh fail2ban nsd].each do |name|
  describe service(name) do
    it { should be_running.under('systemd') }
    it { should be_enabled }
  end
end
describe(command('systemctl is-active apt-daily.timer')) { its(:exit_status) { should eq 0 } }
[22, 80].each { |number| describe(port(number)) { it { should be_listening.on('0.0.0.0').with('tcp') } } }
describe port(53) do
  it { should be_listening.on('127.0.0.1').with('tcp') }
  it { should be_listening.on('127.0.0.1').with('udp') }
end
[23, 3306].each { |number| describe(port(number)) { it { should_not be_listening } } }
describe(command('nginx -t')) { its(:exit_status) { should eq 0 } }
describe(command('/usr/sbin/sshd -T')) { its(:stdout) { should include 'permitrootlogin no' } }
describe(command('/usr/sbin/sshd -T ')) { its(:stdout) { should include 'passwordauthentication no' } }
describe(command('visudo -c -f /etc/sudoers')) { its(:exit_status) { should eq 0 } }
describe command("curl -s -i -H 'Host: app.test' http://127.0.0.1/") do
  its(:stdout) { should include '200 OK' }
  its(:stdout) { should include MARK }
end
describe(command("curl -s -i -H 'Host: app.test' http://127.0.0.1/nowhere")) { its(:stdout) { should include '404' } }
describe(command("curl -s -I -H 'Host: app.test' http://127.0.0.1/")) { its(:stdout) { should match(/x-content-type-options/i) } }
describe(command('dig @127.0.0.1 +short app.test A')) { its(:stdout) { should match(/\d/) } }
describe(command('ps -o user:32= -C nginx')) { its(:stdout) { should include 'www-data' } }
