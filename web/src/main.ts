import { mount } from 'svelte'
import App from './App.svelte'
import { applyLanguage } from './i18n/index.svelte'
import { startRouter } from './navigation.svelte'
import './style/tokens.css'
import './style/base.css'
import { startTheme } from './theme.svelte'

startTheme()
applyLanguage()
startRouter()
mount(App, { target: document.getElementById('app')! })
